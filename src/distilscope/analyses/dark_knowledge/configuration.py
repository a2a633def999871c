"""At which temperatures teachers are measured, and how the arms of a comparison are tuned."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from distilscope import catalog
from distilscope.configuration.grid import TaughtEntry
from distilscope.configuration.kinds import Count, Positive, Section, Strict, Whole, whole

TREE = "composed-tree"


class Tuning(Strict):
    """One budget for every arm: an arm is an objective of the grid.

    For each student and teacher an arm has `tries` settings. That with the highest held-out
    accuracy under `seed` is reported, under the other seeds.
    """

    arms: Annotated[list[str], Field(min_length=1)]
    tries: Count
    seed: Whole


class DarkKnowledge(Section):
    """How teachers hold wrong classes apart, and what that does to students."""

    tau: Annotated[list[Positive], Field(min_length=1)] = [1.0, 2.0, 4.0, 8.0]
    shared: Positive = 4.0
    top: Count = 3
    permutations: Annotated[int, Field(ge=20), BeforeValidator(whole)] = 1000
    seed: Whole = 0
    planted: Literal[TREE] | None = None
    shuffles: Annotated[int, Field(ge=2), BeforeValidator(whole)] = 20
    tuning: Tuning | None = None

    @model_validator(mode="after")
    def _measured(self) -> DarkKnowledge:
        if self.shared not in self.tau:
            known = ", ".join(f"{value:g}" for value in self.tau)
            raise ValueError(f"`shared` is {self.shared:g}, which is none of `tau`: {known}")
        return self

    def check(self, configuration: Any) -> None:
        """What is planted is drawn, and every arm has the same number of settings."""
        where = "analyses.dark_knowledge"
        if self.planted and configuration.data.name != "composed-parts":
            raise ValueError(
                f"{where}.planted: {self.planted!r} is known of composed-parts whose recipe has "
                f"`classes: tree`, not of {configuration.data.name!r}"
            )
        if self.tuning is None:
            return
        if self.tuning.seed not in configuration.seeds or len(configuration.seeds) < 2:
            raise ValueError(
                f"{where}.tuning.seed is {self.tuning.seed}; expected one of several `seeds` "
                f"({', '.join(map(str, configuration.seeds))}), of which the others are reported"
            )
        for arm in self.tuning.arms:
            catalog.lookup(catalog.OBJECTIVES, arm, f"objective in {where}.tuning.arms")
            for (student, teacher), tried in sorted(_tried(configuration, arm).items()):
                if tried != self.tuning.tries:
                    raise ValueError(
                        f"{where}.tuning.tries is {self.tuning.tries}, and {arm} has {tried} "
                        f"settings in the grid for {student} from {teacher}: every arm has the same"
                    )
            if not _tried(configuration, arm):
                raise ValueError(f"{where}.tuning.arms: no student of the grid learns by {arm!r}")


def _tried(configuration: Any, arm: str) -> Counter[tuple[str, str]]:
    """(student, teacher) -> how many settings of an objective the grid has."""
    found: Counter[tuple[str, str]] = Counter()
    for entry in configuration.grid:
        if entry.objective != arm or not isinstance(entry, TaughtEntry) or entry.committee:
            continue
        first = [next(iter(configuration.teachers))]
        names = list(configuration.teachers) if entry.teachers == "each" else entry.teachers
        for student in entry.students:
            for teacher in names or first:
                found[student, teacher] += len(list(entry.combinations()))
    return found
