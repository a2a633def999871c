"""Which artefacts of a study are still to be made: the rule by which Snakemake plans here.

Times play no part and a path carries the identity, so that a job is planned if a file of its
artefact is asked for and isn't there. The file that is asked for is `run.json`, which is written
last, unless that is there and another was lost. `tests/workflow` holds this against Snakemake's
dry runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from distilscope import store
from distilscope.planning.artefact import Artefact
from distilscope.planning.study import Study


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
    checks = [study.networks] if artefact.kind == "model" else []
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


class Standing:
    """Which artefacts of a study stand in the store; each is looked at once.

    Args:
        study: whose artefacts.
        exists: whether there is a file of that path.
    """

    def __init__(self, study: Study, exists: Callable[[str], bool] = os.path.exists) -> None:
        self.study = study
        self._exists = exists
        self._looked_at: dict[Path, str | None] = {}

    def whole(self, artefact: Artefact) -> bool:
        """Whether every file of an artefact is there."""
        return self._lost(artefact) is None

    def _lost(self, artefact: Artefact) -> str | None:
        """The first file of an artefact that isn't there; `run.json` is looked for first."""
        folder = artefact.folder
        if folder not in self._looked_at:
            files = (f"{folder}/{name}" for name in reversed(self.study.outputs(artefact.kind)))
            lost = next((path for path in files if not self._exists(path)), None)
            self._looked_at[folder] = lost
        return self._looked_at[folder]

    def _asked(self, artefact: Artefact) -> str:
        return self._lost(artefact) or f"{artefact.folder}/{store.RUN_FILE}"

    def asked_for(self, artefact: Artefact) -> list[str]:
        """The files that an artefact's job is planned with: one of each artefact that it needs.

        One is enough, since a job makes all files of its artefact. What another job that is to run
        asks for is left out: each file takes Snakemake time and memory, and a study has many.

        Where the artefact is whole, an input that was lost is left out too: Snakemake runs a job
        again if an input has to be made again, even one whose time plays no part, so that a lost
        teacher would have every student trained anew.
        """
        needed = needs(self.study, artefact)
        to_make = [one for one in needed if not self.whole(one)]
        if self.whole(artefact):
            left_out = {one.folder for one in to_make}
        else:
            left_out = {one.folder for made in to_make for one in needs(self.study, made)}
        return [self._asked(one) for one in needed if one.folder not in left_out]

    def asked_to_publish(self) -> list[str]:
        """As `asked_for`, of the folder that people open."""
        kept = self._published()
        made = self._made_of_all()
        return [self._asked(one) for one in made if self.whole(one) or not kept]

    def pending(self) -> Pending:
        """What a run of the study would do.

        What is published is asked for first, and an artefact only where something that is missing
        is made from it: a deleted model plans nothing while the report stands.
        """
        if self._published():
            return Pending((), publish=False)
        found: dict[Path, Artefact] = {}
        seen: set[Path] = set()

        def ask(artefact: Artefact) -> None:
            if artefact.folder in seen:
                return
            seen.add(artefact.folder)
            if self.whole(artefact):
                return
            for needed in needs(self.study, artefact):
                ask(needed)
            found[artefact.folder] = artefact

        for artefact in self._made_of_all():
            ask(artefact)
        return Pending(tuple(found.values()), publish=True)

    def _published(self) -> bool:
        return all(self._exists(str(path)) for path in self.study.published_files)

    def _made_of_all(self) -> tuple[Artefact, ...]:
        return self.study.tables, self.study.figures, self.study.report
