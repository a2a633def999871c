"""How chance is drawn where nobody can work it out, and how learning rates are chosen."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from distilscope.analyses.reasoning.arms import arms
from distilscope.configuration.kinds import Count, Positive, Section, Strict, Whole
from distilscope.configuration.patterns import Pattern


class Tuning(Strict):
    """One budget for every arm: an objective of the grid with its parameters, of one network.

    Each arm trains its network at each of `learning_rates` under `seed`, which is not reported. Its
    entries have the `lr` that does best on held-out items; a run says where they have not.
    """

    seed: Whole
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
        seeds = {*configuration.seeds, *(s for e in configuration.grid for s in e.seeds or ())}
        if own.seed in seeds:
            raise ValueError(
                f"{where}.seed is {own.seed}, which is reported; give one that is none of `seeds` "
                f"({', '.join(map(str, sorted(seeds)))})"
            )
        for arm in arms(configuration):
            rate, which = arm.entries[0].lr, f"grid: {arm.words} of {arm.student}"
            others = [entry.lr for entry in arm.entries if entry.lr != rate]
            if others:
                raise ValueError(
                    f"{which} has `lr` {rate} and {others[0]}: an arm has one, for {where} chooses "
                    "one"
                )
            if rate not in own.learning_rates:
                tried = ", ".join(f"{each:g}" for each in own.learning_rates)
                raise ValueError(
                    f"{which} has `lr` {rate}; {where} tries {tried} for each arm: give one of them"
                )
