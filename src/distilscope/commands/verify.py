"""Every stored file against its digest, without running anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from distilscope import store
from distilscope.planning import record
from distilscope.planning.artefact import RESULTS, STORE
from distilscope.store import DIGEST_SUFFIX, DamagedFile

RESOLVED = "resolved"


@dataclass
class Verdict:
    """What was found.

    Attributes:
        files: how many were read.
        damaged: a sentence a file, with the command that repairs it.
        foreign: files in the store that are nobody's: they are left alone.
        unfinished: folders of artefacts whose job did not end.
    """

    files: int = 0
    damaged: list[str] = field(default_factory=list)
    foreign: list[Path] = field(default_factory=list)
    unfinished: list[Path] = field(default_factory=list)


def verify(results: Path = RESULTS) -> Verdict:
    """Check the store, and what is published against what was copied from it."""
    verdict = Verdict()
    for path in _files(results / STORE.name):
        if _is_unlisted(path, results / STORE.name):
            verdict.foreign.append(path)
            continue
        verdict.files += 1
        try:
            store.verify(path)
        except DamagedFile as fault:
            verdict.damaged.append(str(fault))
    for folder in sorted((results / STORE.name).glob("*/*.*/")):
        if not (folder / "run.json").exists():
            verdict.unfinished.append(folder)
    for path in sorted(results.glob(f"*/{record.FILE}")):
        verdict.files += sum(file.is_file() for file in path.parent.rglob("[!.]*"))
        verdict.damaged += published(path.parent)
    return verdict


def _files(place: Path) -> Iterator[Path]:
    """The files under `place` that have a digest or should have one; one each."""
    found = {path for path in place.rglob("*") if path.is_file() and path.name[0] != "."}
    named = {path for path in found if path.suffix != DIGEST_SUFFIX}
    yield from sorted(named | {path.with_suffix("") for path in found - named})


def _is_unlisted(path: Path, place: Path) -> bool:
    """Whether a file has no digest and belongs to no artefact, or is not in its artefact's list."""
    if path.with_name(path.name + DIGEST_SUFFIX).exists() or path.parent == place / RESOLVED:
        return False
    folder = store.artefact_of(path)
    if folder is None:
        return True
    try:
        listed = json.loads((folder / store.RUN_FILE).read_bytes())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    own = (store.RUN_FILE, store.ACCEPTED_FILE)
    return path.relative_to(folder).as_posix() not in (*own, *listed)


def published(folder: Path) -> list[str]:
    """A sentence for each file of a published study that is not what was published."""
    try:
        digests = store.read_json(folder / record.FILE, published=dict)["published"]
    except DamagedFile as fault:
        return [str(fault)]
    faults = []
    for name, digest in sorted(digests.items()):
        if not (folder / name).is_file():
            what = "the published file is missing"
        elif store.digest_file(folder / name) != digest:
            what = "it is not what was published (digest differs)"
        else:
            continue
        cure = f"rm {store.quoted(folder)}/.*.published && {store.RUN}"
        faults.append(f"{folder / name}: {what}. Publish again: {cure}")
    return faults


def main() -> int:
    """Print what is damaged and how to repair it; 1 where something is."""
    verdict = verify()
    for sentence in verdict.damaged:
        print(sentence)
    for path in verdict.foreign:
        print(f"{path}: no job wrote it and none reads it; it was left alone")
    for folder in verdict.unfinished:
        print(f"{folder}: its job has not finished; the next run makes it if it is needed")
    if verdict.damaged:
        print(f"{len(verdict.damaged)} of {verdict.files} files are damaged or missing.")
        return 1
    print(f"{verdict.files} files, all as they were written.")
    return 0
