"""Which artefacts of a study are in the store, and so which jobs a run would start.

A path carries the identity of what it holds, so that a file that exists is right. A job runs if a
file of its artefact is asked for and is missing. `tests/workflow` holds this against Snakemake's
dry runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from distilscope import store
from distilscope.planning.artefact import Artefact
from distilscope.planning.study import Study


@dataclass(frozen=True)
class ToMake:
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
    checks = [study.networks] if artefact.kind == "model" else []
    return [*checks, *artefact.direct_inputs()]


def in_order(study: Study) -> list[Artefact]:
    """All artefacts of a study, each after what it is made from."""
    return _with_needs(study, study.artefacts.values(), lambda artefact: True)


def _with_needs(
    study: Study, artefacts: Iterable[Artefact], wanted: Callable[[Artefact], bool]
) -> list[Artefact]:
    """Those that are wanted and the wanted ones that they need, inputs first."""
    found: list[Artefact] = []
    seen: set[Path] = set()

    def visit(artefact: Artefact) -> None:
        if artefact.folder in seen:
            return
        seen.add(artefact.folder)
        if wanted(artefact):
            for needed in needs(study, artefact):
                visit(needed)
            found.append(artefact)

    for artefact in artefacts:
        visit(artefact)
    return found


class StoreState:
    """What of a study is in the store; each artefact is looked at once.

    Args:
        study: whose artefacts.
        exists: whether there is a file of that path.
    """

    def __init__(self, study: Study, exists: Callable[[str], bool] = os.path.exists) -> None:
        self.study = study
        self._exists = exists
        self._missing: dict[Path, str | None] = {}

    def missing(self, artefact: Artefact) -> str | None:
        """The first file of an artefact that is missing; `run.json` is looked for first."""
        folder = artefact.folder
        if folder not in self._missing:
            files = (f"{folder}/{name}" for name in reversed(artefact.outputs))
            self._missing[folder] = next((f for f in files if not self._exists(f)), None)
        return self._missing[folder]

    def is_whole(self, artefact: Artefact) -> bool:
        """Whether every file of an artefact is there."""
        return self.missing(artefact) is None

    def file_of(self, artefact: Artefact) -> str:
        """The file that is asked for: `run.json`, written last, or the first that is missing."""
        return self.missing(artefact) or f"{artefact.folder}/{store.RUN_FILE}"

    def inputs_of(self, artefact: Artefact, role: str) -> list[str]:
        """The files that the job of an artefact asks for in a role; `checks` is one of a model."""
        checked = role == "checks" and artefact.kind == "model"
        inputs = (self.study.networks,) if checked else artefact.inputs_of(role)
        return self._files_of(inputs, self.is_whole(artefact))

    def inputs_of_published(self, artefact: Artefact) -> list[str]:
        """The file that publishing asks for of an artefact whose files it copies."""
        return self._files_of((artefact,), self._is_published())

    def _files_of(self, inputs: Iterable[Artefact], whole: bool) -> list[str]:
        """A file of each input.

        What is made from them may be whole. It then asks for no input that is missing: Snakemake
        would make the input again, and for its sake run a job again that has nothing to do. A lost
        teacher would have all of its students trained anew.
        """
        return [self.file_of(one) for one in inputs if self.is_whole(one) or not whole]

    def to_make(self) -> ToMake:
        """What a run of the study would do.

        What is published is asked for first, and an artefact only where something that is missing
        is made from it: a deleted model plans nothing while the report stands.
        """
        if self._is_published():
            return ToMake((), publish=False)
        study = self.study
        last = (study.tables, study.figures, study.report)
        found = _with_needs(study, last, lambda artefact: not self.is_whole(artefact))
        return ToMake(tuple(found), publish=True)

    def _is_published(self) -> bool:
        return all(self._exists(str(path)) for path in self.study.published_files)
