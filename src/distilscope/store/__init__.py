"""Every file that is written or read: atomic, digested, with provenance.

A file appears under its name only when it is whole (written beside it, synced, renamed) and
has its SHA-256 in `<name>.sha256`, in the format of `sha256sum`, so that `sha256sum -c` checks
it without this program. Readers check the digest and say what to type when it doesn't fit.
Nothing here imports torch, and pandas and pyarrow are imported where they are used, because
the workflow imports this module each time it is parsed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

DIGEST_SUFFIX = ".sha256"
RUN_FILE = "run.json"
RUNS_FILE = "runs.json"
"""Beside the tables: the records of all jobs behind a study."""
ACCEPTED_FILE = "accepted.json"
"""Written after `run.json`, whose digest it holds, so that `run.json` can't list it."""
BLOCK_BYTES = 2**22
"""What is read at a time of a file that is too large to be in memory twice."""
PART = re.compile(r"\..+\.[a-z0-9_]{8}\.part")
"""What a file is called until it is whole."""
IDENTITY = re.compile(r"\.([0-9a-f]{12})$")


class DamagedFile(ValueError):
    """A stored file that is missing, truncated or altered. The message names the cure."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}. {_cure(Path(path))}")
        self.path = Path(path)


class CannotWrite(OSError):
    """A file that can't be written: the disk is full, the folder is read-only, ..."""

    def __str__(self) -> str:
        return (
            f"{self.filename} can't be written ({self.strerror}). Make room, or make its folder "
            "writable, and run again"
        )


WRITE_FAULTS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO}
)


RUN = "snakemake --cores all --resources gpu=1"


def _cure(path: Path) -> str:
    """The command that rebuilds the artefact `path` belongs to; of no artefact, it alone moves."""
    folder = artefact_of(path)
    if folder is not None:
        return f"Remove it and run again: rm -r {quoted(folder)} && {RUN}"
    aside = path.with_name(f"{path.name}.damaged")
    return f"Move it away and run again: mv {quoted(path)} {quoted(aside)} && {RUN}"


def quoted(path: Path) -> str:
    """A path as a shell takes it."""
    return "'" + str(path).replace("'", "'\\''") + "'"


def artefact_of(path: Path) -> Path | None:
    """The folder `store/<kind>/<name>.<identity>` that a file lies in, or None."""
    named = (p for p in Path(path).parents if p.parent.parent.name == "store")
    return next((p for p in named if IDENTITY.search(p.name)), None)


# ------------------------------------------------------------------------------------ digests


def canonical_json(value: Any) -> str:
    """The one text form of a JSON value: sorted keys, no spaces, 4.0 and 4 alike, no NaN."""
    return json.dumps(_canonical(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def digest_bytes(data: bytes) -> str:
    """SHA-256 of bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + DIGEST_SUFFIX)


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


def digests_in(folder: Path) -> dict[str, str]:
    """The digest of each file that an artefact in this folder is made of, by its relative path."""
    found = {}
    for sidecar in sorted(Path(folder).rglob(f"*{DIGEST_SUFFIX}")):
        file = sidecar.with_name(sidecar.name.removesuffix(DIGEST_SUFFIX))
        name = file.relative_to(folder).as_posix()
        if file.is_file() and name not in (RUN_FILE, ACCEPTED_FILE):
            found[name] = sidecar.read_text().split()[0]
    return found


# ------------------------------------------------------------------------------------ writing


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


# ------------------------------------------------------------------------------------ reading


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
