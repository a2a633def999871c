"""Digests of files, what a damaged file is answered with, and what artefacts call their files."""

from __future__ import annotations

import errno
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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


def digests_in(folder: Path) -> dict[str, str]:
    """The digest of each file that an artefact in this folder is made of, by its relative path."""
    found = {}
    for sidecar in sorted(Path(folder).rglob(f"*{DIGEST_SUFFIX}")):
        file = sidecar.with_name(sidecar.name.removesuffix(DIGEST_SUFFIX))
        name = file.relative_to(folder).as_posix()
        if file.is_file() and name not in (RUN_FILE, ACCEPTED_FILE):
            found[name] = sidecar.read_text().split()[0]
    return found
