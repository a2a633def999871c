"""The user's own files: their digest as they are now, which the identity of what reads them holds.

Contents are read once and remembered by what the file system says of a file: its size, its inode,
and when its content and its inode were last changed. The last of these can't be put back, so that
a file which is replaced by another of equal size and time is noticed.
"""

from __future__ import annotations

import contextlib
import json
import os
import pkgutil
import stat
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from distilscope import store

CACHE = Path("results") / ".cache" / "digests.json"
FOLDERS = "folders.json"
"""Beside it: of whole folders a digest of all states, and the digest that they had with them."""
FOLDER = "folder-"
"""How the digests of a folder's files begin: apart, so that other plans do not load them."""
FILES = "distilscope.data.listing:everything"
UNSETTLED_NS = 100_000_000
"""A file that changed within this time can change again without another time of change."""

State = tuple[int, int, int, int]


@dataclass(frozen=True)
class Content:
    """A file or folder of the user's that an artefact is made from.

    Attributes:
        place: where it is.
        digest: SHA-256 of a file; of a folder, of names and digests of the files that are read.
        files: dotted path of the function that lists these.
    """

    place: str
    digest: str
    files: str = FILES

    @classmethod
    def now(cls, place: Path, files: str = FILES, cache: Path = CACHE) -> Content:
        """It as it is now.

        Raises:
            FileNotFoundError: nothing is there.
            OSError: it can't be read.
        """
        return cls(str(place), digest_path(place, cache, files), files)

    def states(self) -> dict[str, State]:
        """What the file system says of each of its files."""
        found = ((str(path), state(path)) for path in _listed(Path(self.place), self.files))
        return {name: seen for name, seen in found if seen is not None}


def digest_path(path: Path, cache: Path = CACHE, files: str = FILES) -> str:
    """SHA-256 of a file, or of a folder's files by relative name and content.

    Args:
        path: the place. cache: where digests are remembered. files: dotted path of the function
            that lists the files of a folder.

    Raises:
        FileNotFoundError: nothing is at `path`.
        OSError: it can't be read.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder at {path}")
    if path.is_file():
        remembered = _Remembered(cache)
        digest = remembered.digest(path, state(path))
        remembered.keep()
        return digest
    return _digest_folder(path, cache, files)


def _digest_folder(path: Path, cache: Path, files: str) -> str:
    """The digest of a folder: as it is remembered, where nothing in it has another state.

    The digests of its files are then not even loaded: of many images they take seconds.
    """
    before = len(str(path / "_")) - 1  # of the working directory names begin at once
    named = sorted((str(file)[before:], file, state(file)) for file in _listed(path, files))
    states = store.digest_bytes(os.fsencode("\n".join(f"{s} {n}" for n, _, s in named)))
    folders, key = cache.with_name(FOLDERS), f"{path.resolve()} {files}"
    known = _entries(folders, 2)
    if key in known and known[key][0] == states:
        return known[key][1]
    own = store.digest_bytes(os.fsencode(key))[:12]
    remembered = _Remembered(cache.with_name(f"{FOLDER}{own}.json"))
    lines = [f"{remembered.digest(file, seen)}  {name}" for name, file, seen in named]
    remembered.keep()
    digest = store.digest_bytes(os.fsencode("\n".join(lines)))
    if all(seen is None or remembered.has(file, seen) for _, file, seen in named):
        _write(folders, {**known, key: [states, digest]})
    return digest


def forget(cache: Path = CACHE) -> None:
    """Read everything anew when it is next asked for: what is remembered was found to be wrong."""
    for file in (cache, cache.with_name(FOLDERS), *cache.parent.glob(f"{FOLDER}*.json")):
        with contextlib.suppress(OSError):
            file.unlink()


def _listed(place: Path, files: str) -> Iterable[Path]:
    return pkgutil.resolve_name(files)(place)


def state(path: Path) -> State | None:
    """Size, inode, and when a file's content and its inode were last changed, in ns.

    None of what is no file.
    """
    try:
        found = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns


class _Remembered:
    """The digests of files by their path, each with the state that the file had."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self._known = _entries(cache, 5)
        self._changed = False

    def has(self, file: Path, seen: State) -> bool:
        """Whether the digest of a file in that state is remembered."""
        known = self._known.get(str(file.resolve()))
        return known is not None and known[:-1] == list(seen)

    def digest(self, file: Path, seen: State | None) -> str:
        """The digest of a file in that state; the name alone counts of what is no file."""
        if seen is None:
            return "no file"
        name = str(file.resolve())
        known = self._known.get(name)
        if known is not None and known[:-1] == list(seen):
            return known[-1]
        digest = store.digest_file(file)
        if seen == state(file) and time.time_ns() - seen[-1] > UNSETTLED_NS:
            self._known[name] = [*seen, digest]
            self._changed = True
        return digest

    def keep(self) -> None:
        """Write what is new; a plan over read-only results does without."""
        if self._changed:
            _write(self.cache, self._known)


def _write(cache: Path, entries: Mapping[str, list]) -> None:
    unwritable = contextlib.suppress(store.CannotWrite)
    with unwritable, store.atomic(cache, digest=False) as temporary:
        temporary.write_text(json.dumps(entries, indent=0, sort_keys=True))


def _entries(cache: Path, length: int) -> dict[str, list]:
    """What is remembered: entries of that length."""
    try:
        content = json.loads(cache.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(content, Mapping):
        return {}
    return {n: e for n, e in content.items() if isinstance(e, list) and len(e) == length}
