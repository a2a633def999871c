"""Which artefacts of a study are still to be made: the rule by which Snakemake plans here.

Times play no part and a path carries the identity, so that a job is planned if a file of its
artefact is asked for and isn't there. `tests/workflow` holds this against Snakemake's dry runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from distilscope import store
from distilscope.study.artefact import Artefact
from distilscope.study.plan import Study


@dataclass(frozen=True)
class Pending:
    """What a run would do.

    Attributes:
        artefacts: those whose job would run, inputs before what is made from them.
        publish: whether the folder that people open would be written anew.
    """

    artefacts: tuple[Artefact, ...]
    publish: bool

    def __bool__(self) -> bool:
        return self.publish


def needs(study: Study, artefact: Artefact) -> list[Artefact]:
    """What has to be there before an artefact's job begins."""
    checks = study.networks if artefact.kind == "model" else ()
    return [*checks, *artefact.direct_inputs()]


def in_order(study: Study) -> list[Artefact]:
    """All artefacts of a study, each after what it is made from."""
    found: dict[Path, Artefact] = {}

    def add(artefact: Artefact) -> None:
        if artefact.folder not in found:
            for needed in needs(study, artefact):
                add(needed)
            found[artefact.folder] = artefact

    for artefact in study.artefacts.values():
        add(artefact)
    return list(found.values())


def whole(study: Study, artefact: Artefact, exists: Callable[[Path], bool] = Path.exists) -> bool:
    """Whether every file of an artefact is there."""
    return _lost(study, artefact, exists) is None


def _lost(study: Study, artefact: Artefact, exists: Callable[[Path], bool]) -> Path | None:
    """The first file of an artefact that isn't there."""
    files = (artefact.folder / name for name in study.outputs(artefact.kind))
    return next((path for path in files if not exists(path)), None)


def asked_for(
    study: Study, artefact: Artefact, exists: Callable[[Path], bool] = Path.exists
) -> list[Path]:
    """The files that an artefact's job is planned with: one of each artefact that it needs.

    One is enough, since a job makes all files of its artefact: the first that isn't there, or
    `run.json`. Snakemake takes a millisecond for each, and a study has many.

    Where the artefact is whole, an input that was lost is left out: Snakemake runs a job again
    if an input has to be made again, even one whose time plays no part, so that a lost teacher
    would have every student trained anew.
    """
    kept = whole(study, artefact, exists)
    asked = []
    for needed in needs(study, artefact):
        lost = _lost(study, needed, exists)
        if lost is None:
            asked.append(needed.folder / store.RUN_FILE)
        elif not kept:
            asked.append(lost)
    return asked


def pending(study: Study, exists: Callable[[Path], bool] = Path.exists) -> Pending:
    """What a run of the study would do, given which files there are.

    What is published is asked for first, and an artefact only where something that is missing
    is made from it: a deleted model plans nothing while the report stands.
    """
    if all(exists(path) for path in study.published_files):
        return Pending((), publish=False)
    found: dict[Path, Artefact] = {}
    seen: set[Path] = set()

    def ask(artefact: Artefact) -> None:
        if artefact.folder in seen:
            return
        seen.add(artefact.folder)
        if whole(study, artefact, exists):
            return
        for needed in needs(study, artefact):
            ask(needed)
        found[artefact.folder] = artefact

    for artefact in (study.tables, study.figures, study.report):
        ask(artefact)
    return Pending(tuple(found.values()), publish=True)
