"""The wanted files of an archive, and nothing else of it.

No name in the archive is ever a path on the disk: a file is taken if its name is one that is
wanted, and goes where the caller says. So no archive can write outside, whatever it holds.
"""

from __future__ import annotations

import shutil
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from distilscope.data.raw import DECODED_LIMIT_BYTES, BadData

LIMIT_BYTES = DECODED_LIMIT_BYTES
"""The most that an archive may unpack to; all of its files count, wanted or not."""

LIMIT_FILES = 10_000


def take(archive: Path, wanted: Mapping[str, Path]) -> set[str]:
    """Copy files out of a tar archive (plain or compressed).

    Args:
        archive: the tar file.
        wanted: name in the archive -> the file to write. Folders are made.

    Returns:
        the names that were found.

    Raises:
        BadData: it is no tar archive or is damaged, a wanted file is no regular one, or it unpacks
            to more than `LIMIT_BYTES` or `LIMIT_FILES`.
    """
    found: set[str] = set()
    total = 0
    try:
        with tarfile.open(archive) as opened:
            for count, member in enumerate(opened, start=1):
                total += member.size
                if total > LIMIT_BYTES or count > LIMIT_FILES:
                    raise BadData(
                        f"{archive}: it unpacks to more than {LIMIT_BYTES / 2**30:g} GiB or "
                        f"{LIMIT_FILES} files, and is not opened further"
                    )
                if member.name in wanted and member.name not in found:
                    if not member.isreg():
                        raise BadData(f"{archive}: {member.name} in it is a link, expected a file")
                    _write(opened.extractfile(member), wanted[member.name])
                    found.add(member.name)
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # a full disk is no fault of the archive
        raise BadData(f"{archive}: it can't be unpacked ({error})") from error
    return found


def _write(source: BinaryIO, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target, "wb") as handle:
        shutil.copyfileobj(source, handle)
