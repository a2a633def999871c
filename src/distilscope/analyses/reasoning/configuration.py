"""How chance is drawn where nobody can work it out, and how learning rates are chosen."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from distilscope.analyses.reasoning.arms import arms
from distilscope.configuration.kinds import Count, Positive, Section, Strict, Whole
from distilscope.configuration.patterns import Pattern


class Tuning(Strict):
    """One budget for every arm: an arm is an objective of the grid with its parameters.

    Each arm trains `student` at each of `learning_rates` under `seed`, which is not reported. Its
    entries have the `lr` that does best on held-out items; a run says where they have not.
    """

    seed: Whole
    student: str
    learning_rates: Annotated[list[Positive], Field(min_length=2)]


class Reasoning(Section):
    """Do distilled language models reason like their teacher?

    Attributes:
        shuffles: how often traces are set beside those of other items of their task.
        seed: of these shuffles.
        ablations: patterns of conditions that are no way to distil: whether students gain is asked
            of the others.
    """

    shuffles: Count = 10
    seed: Whole = 0
    ablations: list[Pattern] = []
    tuning: Tuning | None = None

    @property
    def trains(self) -> bool:
        """See `Section`."""
        return self.tuning is not None

    def check(self, configuration: Any) -> None:
        """The seed of tuning is not reported, and each arm has one of the rates that were tried."""
        own, where = self.tuning, "analyses.reasoning.tuning"
        if own is None:
            return
        if len(set(own.learning_rates)) < len(own.learning_rates):
            raise ValueError(f"{where}.learning_rates: one of {own.learning_rates} occurs twice")
        if own.student not in configuration.students:
            known = ", ".join(configuration.students)
            raise ValueError(f"{where}.student is {own.student!r}; students are {known}")
        seeds = {*configuration.seeds, *(s for e in configuration.grid for s in e.seeds or ())}
        if own.seed in seeds:
            raise ValueError(
                f"{where}.seed is {own.seed}, which is reported; give one that is none of `seeds` "
                f"({', '.join(map(str, sorted(seeds)))})"
            )
        for arm in arms(configuration):
            others = [entry.lr for entry in arm.entries if entry.lr != arm.entries[0].lr]
            if others:
                raise ValueError(
                    f"grid: {arm.words} has `lr` {arm.entries[0].lr} and {others[0]}: an arm has "
                    f"one, for {where} chooses one"
                )
            if arm.entries[0].lr not in own.learning_rates:
                tried = ", ".join(f"{rate:g}" for rate in own.learning_rates)
                raise ValueError(
                    f"grid: {arm.words} has `lr` {arm.entries[0].lr}; {where} tries {tried} for "
                    "each arm: give one of them"
                )
