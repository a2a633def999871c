"""Files are read with their digests checked; pandas and pyarrow are imported where used."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distilscope.store.digests import (
    ACCEPTED_FILE,
    BLOCK_BYTES,
    IDENTITY,
    RUN_FILE,
    DamagedFile,
    _sidecar,
    artefact_of,
    digest_file,
)

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def verify(path: Path) -> None:
    """Check a stored file against its digest, and against what its artefact's `run.json` lists.

    Raises:
        DamagedFile: it is missing, has no digest, its bytes are not those that were written, or
            it is another artefact's file.
    """
    path = Path(path)
    if not path.is_file():
        raise DamagedFile(path, "the file is missing")
    sidecar = _sidecar(path)
    if not sidecar.is_file():
        raise DamagedFile(path, f"its digest {sidecar.name} is missing")
    words = sidecar.read_text(errors="replace").split()
    digest = digest_file(path)
    if not words or words[0] != digest:
        raise DamagedFile(path, "its bytes are not those that were written (digest differs)")
    _check_owner(path, digest)


def _check_owner(path: Path, digest: str) -> None:
    """Find a file that has a right digest of its own and is not the one its artefact was made of.

    `run.json` is written last: an artefact without one is still being made.
    """
    folder = artefact_of(path)
    if folder is None or not (folder / RUN_FILE).is_file() or path == folder / ACCEPTED_FILE:
        return
    if path != folder / RUN_FILE:
        run = read_json(folder / RUN_FILE)
        files = run.get("files") if isinstance(run, Mapping) else {}
        listed = files if isinstance(files, Mapping) else {}
        if files is not None and listed.get(path.relative_to(folder).as_posix()) != digest:
            raise DamagedFile(path, f"it is not the file that {RUN_FILE} lists (digest differs)")
        return
    run, named = json.loads(path.read_bytes()), IDENTITY.search(folder.name)
    if not isinstance(run, Mapping):
        raise DamagedFile(path, f"it is no JSON object, found {run!r:.40}")
    identity = run.get("identity")
    if named and identity not in (None, named[1]):
        raise DamagedFile(path, f"it is of another artefact, {run.get('slug')}.{identity}")


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Verify before, and turn a parser's complaint into a `DamagedFile`."""
    try:
        verify(path)
        yield
    except DamagedFile:
        raise
    except Exception as error:
        raise DamagedFile(path, f"it can't be read ({type(error).__name__}: {error})") from error


def read_json(path: Path, **kinds: type) -> Any:
    """Read a JSON file written by `write_json`.

    Args:
        path: the file.
        kinds: the keys that the caller reads of an object, and the types of their values. A file
            may be whole and another than is meant: copied here, or of another version.
    """
    with _reading(path):
        return _object(path, json.loads(Path(path).read_text(encoding="utf-8")), kinds)


def _object(path: Path, value: Any, kinds: Mapping[str, type]) -> Any:
    """The value, if it is an object with those keys; any value where there are none."""
    for key, kind in kinds.items():
        if not isinstance(value, Mapping) or not isinstance(value.get(key), kind):
            found = type(value).__name__ if not isinstance(value, Mapping) else value.get(key)
            raise DamagedFile(
                path, f"it is another file than is meant: {key!r} is to be {kind.__name__}, "
                f"found {found!r:.40}"
            )  # fmt: skip
    return value


def read_table(
    path: Path, columns: Sequence[str] | None = None, filters: list[tuple] | None = None
) -> pd.DataFrame:
    """Read a Parquet table, or some of its columns and rows (`filters` as in pyarrow)."""
    import pyarrow.parquet as pq

    with _reading(path):
        table = pq.read_table(path, columns=columns, filters=filters, memory_map=False)
        return table.to_pandas()


def read_table_metadata(path: Path) -> dict[str, Any]:
    """The `metadata` that `write_table` was given."""
    import pyarrow.parquet as pq

    with _reading(path):
        return json.loads((pq.read_schema(path).metadata or {}).get(b"distilscope", b"{}"))


def read_tensors(path: Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Read named arrays of a safetensors file; all of them where `names` is None."""
    from safetensors import safe_open

    with _reading(path), safe_open(path, framework="numpy") as handle:
        return {name: handle.get_tensor(name) for name in (names or handle.keys())}


def read_rows(path: Path, wanted: Sequence[tuple[str, np.ndarray]]) -> list[np.ndarray]:
    """Read rows of arrays of a safetensors file: of each named one those that a mask (N,) chooses.

    They are read block by block, so that besides what is returned no more than a block is in
    memory: the library maps the file, and what it has read counts until the file is closed.
    """
    with _reading(path):
        return [_rows(path, name, mask) for name, mask in wanted]


def _rows(path: Path, name: str, mask: np.ndarray) -> np.ndarray:
    import numpy as np
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as handle:
        stored = handle.get_slice(name)
        shape, first = stored.get_shape(), stored[:1]
    if len(mask) != shape[0]:
        raise ValueError(f"{name} has {shape[0]} rows, expected {len(mask)}")
    rows = np.empty((np.count_nonzero(mask), *shape[1:]), first.dtype)
    block = max(1, BLOCK_BYTES // max(1, first.nbytes))
    filled = 0
    for start in range(0, len(mask), block):
        chosen = mask[start : start + block]
        with safe_open(path, framework="numpy") as handle:
            part = handle.get_slice(name)[start : start + len(chosen)][chosen]
        rows[filled : filled + len(part)] = part
        filled += len(part)
    return rows


def read_tensors_metadata(path: Path) -> dict[str, Any]:
    """The `metadata` that `write_tensors` was given."""
    from safetensors import safe_open

    with _reading(path), safe_open(path, framework="numpy") as handle:
        return json.loads((handle.metadata() or {}).get("distilscope", "{}"))


def open_array(path: Path) -> np.ndarray:
    """Map a .npy file into memory, read-only, after checking its digest."""
    import numpy as np

    with _reading(path):
        return np.load(path, mmap_mode="r", allow_pickle=False)
