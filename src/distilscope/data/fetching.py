"""Bringing the files of a public data set to disk, whole and right.

`pooch` fetches: a file comes under its name only when its bytes are the published ones. A file that
is there and is wrong is refused by name and never silently replaced.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pooch

from distilscope.data import unpacking
from distilscope.data.raw import BadData
from distilscope.workflow import progress

RETRIES = 3
"""Attempts at a file after a failed one; the server is left alone for 1, 2 and 3 seconds."""

TIMEOUT_SECONDS = 60.0
"""After which a server that says nothing is given up."""

CHUNK_BYTES = 2**20
MB = 10**6
INCOMPLETE = ".incomplete"
"""In the data folder: where files lie until they are whole and right."""

BUNDLED = "fashion-mnist-subset"


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


def fetch(public: PublicSet, folder: Path, mirror: str | None, retries: int) -> None:
    """Bring a data set into `folder` and check what lies there, also where nothing is fetched.

    Args:
        public: which data set.
        folder: the data folder, which studies share.
        mirror: an address ending in "/" that serves the files by name, in the public one's place.
        retries: attempts at a file after a failed one.

    Raises:
        BadData: a file is there with other bytes than the published ones.
        DownloadFailed: a file could not be fetched, or what came has other bytes.
    """
    folder = Path(folder)
    if not _missing(public.files, folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder) as incomplete:
        absent = _missing(as_files(public.downloads), folder)
        for remote in public.downloads:
            if remote.path in absent:
                url = mirror + remote.path.name if mirror else remote.url
                try:
                    _put(_brought(url, remote, incomplete, retries), folder / remote.path)
                except (OSError, ValueError) as failure:  # of the network, or another MD5 sum
                    raise DownloadFailed(_advice(public, url, folder, failure)) from failure
        _unpack(public, folder, incomplete)


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
        if path not in missing and _md5_of(folder / path) != md5:
            raise BadData(
                f"{folder / path}: it is truncated or altered (its MD5 is not the published "
                f"{md5}); remove it and run again"
            )
    return missing


def _md5_of(path: Path) -> str:
    return pooch.file_hash(path, alg="md5")


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    """Wait for another job that fetches into this folder, and keep others waiting.

    Yields an empty folder for files that are not whole yet.
    """
    handle, incomplete = os.open(folder, os.O_RDONLY), folder / INCOMPLETE
    try:
        with contextlib.suppress(OSError):  # a file system without such locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        shutil.rmtree(incomplete, ignore_errors=True)  # of a job that was killed
        incomplete.mkdir()
        yield incomplete
    finally:
        shutil.rmtree(incomplete, ignore_errors=True)
        os.close(handle)


def _brought(url: str, remote: Remote, place: Path, retries: int) -> Path:
    """The file that was fetched into `place`.

    Raises:
        OSError: the address can't be reached, is silent or ends early.
        ValueError: what came has another MD5 sum.
    """
    name = remote.path.name
    source = pooch.create(
        *(place, ""),
        registry={name: f"md5:{remote.md5}"},
        urls={name: url},
        retry_if_failed=retries,
    )
    downloader = pooch.HTTPDownloader(_Progress(), CHUNK_BYTES, timeout=TIMEOUT_SECONDS)
    return Path(source.fetch(name, downloader=downloader))


def _put(found: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    found.replace(target)


class _Progress:
    """What pooch asks of a progress bar: a download is a stage of this process's job."""

    total, _stage = 0, None

    def update(self, count: int) -> None:
        """So many bytes more have come."""
        if self._stage is None:
            self._stage = progress.stage("download", self.total // MB, "MB")
        self._stage.advance(count / MB)

    def reset(self) -> None:
        """They are counted from the first again."""
        self._stage = None

    def close(self) -> None:
        """All have come."""


def _advice(public: PublicSet, url: str, folder: Path, failure: OSError) -> str:
    return (
        f"data set {public.name!r} could not be fetched from {url} ({failure}): use "
        f"{BUNDLED!r}, the real images that ship with the repository, or put "
        f"{_by_hand(public)} into {folder} and run again"
    )


def _by_hand(public: PublicSet) -> str:
    return ", ".join(f"{remote.path} (MD5 {remote.md5})" for remote in public.downloads)


def _unpack(public: PublicSet, folder: Path, incomplete: Path) -> None:
    """Take from the (checked) archives those files that are not downloads themselves."""
    missing = _missing(public.files, folder)
    if not missing:
        return
    md5s = dict(public.files)
    taken = {path.as_posix(): incomplete / path for path in missing}
    for remote in public.downloads:
        unpacking.take(folder / remote.path, taken)
    for path in missing:
        found = incomplete / path
        if not found.is_file():
            raise BadData(f"{folder}: the archives of {public.name!r} don't contain {path}")
        if _md5_of(found) != md5s[path]:
            raise BadData(f"{folder}: {path} in the archives of {public.name!r} has another MD5")
        _put(found, folder / path)
