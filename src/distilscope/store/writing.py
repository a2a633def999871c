"""Files appear under their names only when they are whole, with their digests beside them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distilscope.store.digests import (
    PART,
    WRITE_FAULTS,
    CannotWrite,
    _sidecar,
    canonical_json,
    digest_file,
)

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@contextlib.contextmanager
def atomic(path: Path, *, digest: bool = True) -> Iterator[Path]:
    """A temporary file beside `path` that takes its name when the block ends without an error.

    The digest is written first: a file is never under its name without the right digest.

    Raises:
        CannotWrite: there is no room, or no right to write.
    """
    path = Path(path)
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _new_beside(path)
        rights = temporary.stat().st_mode
        try:
            yield temporary
            _sync(temporary)
            temporary.chmod(rights)  # safetensors replaces the file by one of its own
            if digest:
                text = f"{digest_file(temporary)}  {path.name}\n"
                with atomic(_sidecar(path), digest=False) as beside:
                    beside.write_text(text)
            os.replace(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _new_beside(path: Path) -> Path:
    """A new empty file for one writer, with the rights that the user's umask leaves."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return temporary


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say of a file that can't be written which it is; NumPy names not even the reason."""
    try:
        yield
    except CannotWrite:
        raise
    except OSError as error:
        if error.errno is not None and error.errno not in WRITE_FAULTS:
            raise
        raise CannotWrite(error.errno, error.strerror or str(error), str(path)) from error


def remove_parts(folder: Path) -> None:
    """Remove unfinished files that a killed job left in its folder; links are not followed."""
    for place, _, names in os.walk(folder):
        for name in filter(PART.fullmatch, names):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(place, name))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write text atomically, with its digest."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON value for people and programs: indented, sorted keys, no NaN."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def write_table(path: Path, table: pd.DataFrame, metadata: Mapping[str, Any] | None = None) -> None:
    """Write a data frame to Parquet. `metadata` is kept in the file under the key `distilscope`.

    A column of NumPy arrays or lists is stored as a list column. The same table gives the same
    bytes with the same pyarrow.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = pa.Table.from_pandas(table, preserve_index=False)
    arrow = arrow.replace_schema_metadata({"distilscope": canonical_json(dict(metadata or {}))})
    with atomic(path) as temporary:
        pq.write_table(arrow, temporary, compression="zstd")


FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a text begins with that a spreadsheet takes for a formula, and so may run."""


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a data frame to CSV for people.

    A text that a spreadsheet would take for a formula, such as a class named `=HYPERLINK(...)`,
    gets an apostrophe before it (OWASP, "CSV Injection"). Numbers, also as text, stay.
    """
    shown = table.rename(columns=_as_text)
    for column in shown.select_dtypes(exclude=["number", "bool"]):
        shown[column] = shown[column].map(_as_text)
    write_text(path, shown.to_csv(index=False, lineterminator="\n"))


def _as_text(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def write_tensors(
    path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, Any] | None = None
) -> None:
    """Write named arrays as safetensors. `metadata` is one JSON text, so the bytes are stable."""
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    arrays = {name: np.asarray(tensors[name], order="C") for name in sorted(tensors)}
    about = {"distilscope": canonical_json(dict(metadata or {}))}
    with atomic(path) as temporary:
        try:
            save_file(arrays, temporary, metadata=about)
        except SafetensorError as error:
            found = re.search(r"os error (\d+)", str(error))
            if not found:
                raise
            raise OSError(int(found[1]), os.strerror(int(found[1]))) from error


def write_array(path: Path, array: np.ndarray) -> None:
    """Write one array as .npy, which readers can map into memory."""
    import numpy as np

    with atomic(path) as temporary, open(temporary, "wb") as handle:
        np.save(handle, array, allow_pickle=False)


def new_array(path: Path, dtype: Any, shape: Sequence[int]) -> np.ndarray:
    """A new .npy file that is filled through memory. Its room on the disk is taken at once.

    Without that a disk that runs full is no error but the end of the process (SIGBUS).
    """
    import numpy as np

    array = np.lib.format.open_memmap(path, "w+", dtype=dtype, shape=tuple(shape))
    if hasattr(os, "posix_fallocate"):
        with open(path, "r+b") as handle:
            os.posix_fallocate(handle.fileno(), 0, os.path.getsize(path))
    return array
