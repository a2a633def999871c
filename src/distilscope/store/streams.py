"""Arrays that are larger than memory: written row by row into safetensors, and read by mapping."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from distilscope.store.reading import _reading
from distilscope.store.writing import atomic

if TYPE_CHECKING:
    import numpy as np

HEADER_BYTES = 4096
"""Kept free before the data: how many rows there are is known when they are written."""
ALIGNED = 8
NAMES = {"uint8": "U8", "int64": "I64", "bool": "BOOL", "float32": "F32"}
"""NumPy's types as safetensors calls them."""
PADDING = "padding"


class TensorStream:
    """Arrays that are appended to one file, one after another; made by `write_tensor_stream`.

    Attributes:
        digests: SHA-256 of the bytes of each finished array, by its name.
    """

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle
        self._about: dict[str, dict[str, Any]] = {}
        self._end = 0
        self.digests: dict[str, str] = {}

    def rows(self, name: str, shape: tuple[int, ...], blocks: Iterator[np.ndarray]) -> int:
        """Append an array uint8 of rows of a shape, row by row; the number of rows."""
        begin, count, digest = self._end, 0, hashlib.sha256()
        for row in blocks:
            if row.shape != shape or row.dtype.name != "uint8":
                raise ValueError(
                    f"{name}: a row of {row.shape} {row.dtype}, expected {shape} uint8"
                )
            data = row.tobytes()
            self._write(data)
            digest.update(data)
            count += 1
        self._describe(name, "uint8", (count, *shape), begin)
        self.digests[name] = digest.hexdigest()
        return count

    def array(self, name: str, array: np.ndarray) -> None:
        """Append a whole array, on an address that every type may have."""
        if rest := -self._end % ALIGNED:
            begin = self._end
            self._write(bytes(rest))
            self._describe(f"{PADDING}.{len(self._about)}", "uint8", (rest,), begin)
        begin, data = self._end, array.tobytes()
        self._write(data)
        self._describe(name, array.dtype.name, array.shape, begin)
        self.digests[name] = hashlib.sha256(data).hexdigest()

    def close(self) -> None:
        """Write the header into the room that was kept for it."""
        about = {"__metadata__": {"distilscope": "{}"}, **self._about}
        text = json.dumps(about).encode()
        room = HEADER_BYTES - 8
        if len(text) > room:
            raise ValueError(f"a header of {len(text)} bytes; {room} are kept for it")
        self._handle.seek(0)
        self._handle.write(room.to_bytes(8, "little") + text.ljust(room))

    def _write(self, data: bytes) -> None:
        self._handle.write(data)
        self._end += len(data)

    def _describe(self, name: str, dtype: str, shape: tuple[int, ...], begin: int) -> None:
        self._about[name] = {
            "dtype": NAMES[dtype],
            "shape": list(shape),
            "data_offsets": [begin, self._end],
        }


@contextlib.contextmanager
def write_tensor_stream(path: Path) -> Iterator[TensorStream]:
    """A safetensors file that is written array by array, with no more than a row in memory."""
    with atomic(path) as temporary, open(temporary, "wb") as handle:
        handle.write(bytes(HEADER_BYTES))
        stream = TensorStream(handle)
        yield stream
        stream.close()


def map_tensor(path: Path, name: str) -> np.ndarray:
    """An array uint8 of a safetensors file, mapped: pages are read when they are looked at.

    What is written into it stays in this process.

    Raises:
        DamagedFile: the file is not as it was written, or has no such array.
    """
    import numpy as np

    with _reading(path):
        with open(path, "rb") as handle:
            length = int.from_bytes(handle.read(8), "little")
            about = json.loads(handle.read(length))[name]
        shape, (begin, end) = tuple(about["shape"]), about["data_offsets"]
        if about["dtype"] != NAMES["uint8"] or end - begin != math.prod(shape):
            raise ValueError(f"{name} is {about['dtype']}, expected bytes")
        if begin == end:
            return np.zeros(shape, np.uint8)
        return np.memmap(path, np.uint8, "c", offset=8 + length + begin, shape=shape)
