"""Bringing the files of a public data set to disk, whole and right.

A file comes under its name only when its bytes are the published ones; a file that is there and
is wrong is refused by name and never silently replaced. What has come of a file when a job ends
lies in `.incomplete/` of the data folder, and the next job goes on from there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from distilscope.data import transfer, unpacking
from distilscope.data.raw import BadData

RETRY_PAUSES = (1.0, 4.0, 16.0)
"""Seconds between the attempts to fetch a file; one more attempt than pauses."""

BUNDLED = "fashion-mnist-subset"
INCOMPLETE = ".incomplete"


class DownloadFailed(OSError):
    """A data set that could not be fetched. The message says what can be done by hand."""


@dataclass(frozen=True)
class Remote:
    """A file to fetch: its address, its place in the data folder, its MD5 sum in hex."""

    url: str
    path: Path
    md5: str


@dataclass(frozen=True)
class PublicSet:
    """A public data set.

    Attributes:
        name: its name in the catalogue.
        downloads: what is fetched.
        files: what is read, with MD5 sums: the downloads, or what they contain.
    """

    name: str
    downloads: tuple[Remote, ...]
    files: tuple[tuple[Path, str], ...]


def fetch(public: PublicSet, folder: Path, mirror: str | None, pauses: Sequence[float]) -> None:
    """Bring a data set into `folder` and check what lies there, also where nothing is fetched.

    Args:
        public: which data set.
        folder: the data folder, which studies share.
        mirror: an address ending in "/" that serves the files by name, in the public one's place.
        pauses: seconds to wait after each failed attempt at a file.

    Raises:
        BadData: a file is there with other bytes than the published ones.
        DownloadFailed: a file could not be fetched, or what came has other bytes.
    """
    folder = Path(folder)
    if not _missing(public.files, folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        absent = _missing(as_files(public.downloads), folder)
        for remote in public.downloads:
            if remote.path in absent:
                _fetch_file(public, remote, folder, mirror, pauses)
        _unpack(public, folder)


def as_files(downloads: Sequence[Remote]) -> tuple[tuple[Path, str], ...]:
    """Downloads as `PublicSet.files`: places and MD5 sums."""
    return tuple((remote.path, remote.md5) for remote in downloads)


def check(public: PublicSet, folder: Path) -> None:
    """Check every file of a data set against the published MD5 sums.

    Raises:
        BadData: a file is missing or has other bytes than the published ones.
    """
    missing = _missing(public.files, Path(folder))
    if missing:
        raise BadData(
            f"{Path(folder) / missing[0]}: the file of data set {public.name!r} is missing; "
            f"download it again or put {_by_hand(public)} into {folder}"
        )


def _missing(files: Sequence[tuple[Path, str]], folder: Path) -> list[Path]:
    """Those files that aren't there. One that is there and is wrong is refused."""
    missing = [path for path, _ in files if not (folder / path).is_file()]
    for path, md5 in files:
        if path not in missing and transfer.md5_of(folder / path) != md5:
            raise BadData(
                f"{folder / path}: it is truncated or altered (its MD5 is not the published "
                f"{md5}); remove it and run again"
            )
    return missing


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait for another job that fetches into this folder, and keep others waiting.

    Where the file system has no such locks, two jobs may spoil each other's partial file; its MD5
    sum then differs, and it is fetched again.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        with contextlib.suppress(OSError):  # it holds something to go on from, or isn't there
            (folder / INCOMPLETE).rmdir()
        os.close(handle)


def _partial(folder: Path, path: Path, md5: str) -> Path:
    """Where a file lies until it is whole and right. Its folder is made."""
    place = folder / INCOMPLETE / f"{path.name}.{md5}"
    place.parent.mkdir(exist_ok=True)
    return place


def _fetch_file(
    public: PublicSet, remote: Remote, folder: Path, mirror: str | None, pauses: Sequence[float]
) -> None:
    """Bring one download under its name: one attempt more than there are pauses."""
    url = mirror + remote.path.name if mirror else remote.url
    partial = _partial(folder, remote.path, remote.md5)
    for pause in (*pauses, None):
        try:
            transfer.bring(url, partial, remote.md5)
            _put(partial, folder / remote.path)
            return
        except OSError as failure:
            if pause is None:
                raise DownloadFailed(_advice(public, url, folder, failure)) from failure
            time.sleep(pause)


def _put(partial: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial.replace(target)


def _advice(public: PublicSet, url: str, folder: Path, failure: OSError) -> str:
    return (
        f"data set {public.name!r} could not be fetched from {url} ({failure}): use "
        f"{BUNDLED!r}, the real images that ship with the repository, or put "
        f"{_by_hand(public)} into {folder} and run again"
    )


def _by_hand(public: PublicSet) -> str:
    return ", ".join(f"{remote.path} (MD5 {remote.md5})" for remote in public.downloads)


def _unpack(public: PublicSet, folder: Path) -> None:
    """Take from the (checked) archives those files that are not downloads themselves."""
    missing = _missing(public.files, folder)
    if not missing:
        return
    md5s = dict(public.files)
    partial = {path.as_posix(): _partial(folder, path, md5s[path]) for path in missing}
    for remote in public.downloads:
        unpacking.take(folder / remote.path, partial)
    for path in missing:
        taken = partial[path.as_posix()]
        if not taken.is_file():
            raise BadData(f"{folder}: the archives of {public.name!r} don't contain {path}")
        if transfer.md5_of(taken) != md5s[path]:
            taken.unlink()
            raise BadData(f"{folder}: {path} in the archives of {public.name!r} has another MD5")
        _put(taken, folder / path)
