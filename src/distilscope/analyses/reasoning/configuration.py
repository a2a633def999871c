"""How chance is drawn where nobody can work it out, and how learning rates are chosen."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from distilscope.analyses.reasoning.arms import arms
from distilscope.configuration.kinds import Count, Positive, Section, Strict, Whole
from distilscope.configuration.patterns import Pattern

Rates = Annotated[list[Positive], Field(min_length=2)]


class Tuning(Strict):
    """One budget for every arm: an objective of the grid with its parameters, of one network.

    Each arm trains its network at each of `learning_rates` under each of `seeds`, none of which is
    reported. Its entries have the `lr` that does best on held-out items, in the mean over seeds; a
    run says where they have not. Networks may have rates of their own, by name: a small one learns
    best at a higher rate.
    """

    seeds: Annotated[list[Whole], Field(min_length=1)]
    learning_rates: Rates | Annotated[dict[str, Rates], Field(min_length=1)]

    def rates(self, student: str) -> list[float]:
        """What a network tries: the same as all others, or as many as they."""
        own = self.learning_rates
        return own if isinstance(own, list) else own[student]


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
        """No seed of tuning is reported, and each arm has one of the rates that were tried."""
        own, where = self.tuning, "analyses.reasoning.tuning"
        if own is None:
            return
        planned = arms(configuration)
        _check_rates(own.learning_rates, {arm.student for arm in planned}, where)
        _check_seeds(own.seeds, configuration, f"{where}.seeds")
        for arm in planned:
            rate, which = arm.entries[0].lr, f"grid: {arm.words} of {arm.student}"
            others = [entry.lr for entry in arm.entries if entry.lr != rate]
            if others:
                raise ValueError(
                    f"{which} has `lr` {rate} and {others[0]}: an arm has one, for {where} chooses "
                    "one"
                )
            if rate not in own.rates(arm.student):
                tried = ", ".join(f"{each:g}" for each in own.rates(arm.student))
                raise ValueError(
                    f"{which} has `lr` {rate}; {where} tries {tried} for each arm: give one of them"
                )


def _check_seeds(seeds: list[int], configuration: Any, where: str) -> None:
    reported = {*configuration.seeds, *(s for e in configuration.grid for s in e.seeds or ())}
    for seed in seeds:
        if seed in reported:
            raise ValueError(
                f"{where}: {seed} is reported; give seeds that are none of `seeds` "
                f"({', '.join(map(str, sorted(reported)))})"
            )
    _each_once(seeds, where)


def _each_once(values: list[Any], where: str) -> None:
    if len(set(values)) < len(values):
        raise ValueError(f"{where}: one of {values} occurs twice")


def _check_rates(rates: list[float] | dict[str, list[float]], students: set[str], at: str) -> None:
    where = f"{at}.learning_rates"
    by_name = rates if isinstance(rates, dict) else {"": rates}
    for name, own in by_name.items():
        _each_once(own, f"{where}{name and '.' + name}")
    if isinstance(rates, dict):
        if set(rates) != students:
            raise ValueError(
                f"{where} are of {', '.join(sorted(rates))}; the grid has "
                f"{', '.join(sorted(students))}: name each, or give one list for all"
            )
        if len({len(own) for own in rates.values()}) > 1:
            tries = ", ".join(f"{name} {len(own)}" for name, own in rates.items())
            raise ValueError(f"{where}: {tries}: the budget is one, give each as many rates")
