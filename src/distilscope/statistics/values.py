"""The numbers of a study that its claims are about, by model and reference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from distilscope.configuration import patterns
from distilscope.planning.conditions import Condition, nearest
from distilscope.statistics import paired

OWN = ("committee", "teacher", "twin")
"""Relations by which a reference is a model's own: the first of these that it has."""

UNITS = ("images", "items")
"""What an interval over examples is called to be over: the unit of each modality."""

OF_CHANGED = ("original", "stand-in")
"""Relations of models that are made of others without training."""


class NotTested(Exception):
    """A term of the statement is missing in the study; the message says which."""


Where = tuple[str, str, int | None]  # measure, subset, class
Pair = tuple[str, str | None]  # a model and its reference


@dataclass
class Values:
    """The numbers of a study that statements are about.

    Attributes:
        models: id -> the name of its condition, and its seed.
        conditions: name -> what it is, in the order of the study.
        classes: how many the study has.
        numbers: where -> pair -> the value; the reference of a pair is None where the measure is
            of the model alone.
        relations: model -> reference -> what that is to it.
        intervals: where -> pair -> the interval over images, at `level`, of those that have one.
    """

    models: Mapping[str, tuple[str, int]]
    conditions: Mapping[str, Condition]
    classes: int
    numbers: dict[Where, dict[Pair, float]] = field(default_factory=dict)
    relations: dict[str, dict[str, str]] = field(default_factory=dict)
    intervals: dict[Where, dict[Pair, tuple[float, float]]] = field(default_factory=dict)
    level: float = 0.95

    @classmethod
    def of(
        cls,
        rows: Iterable[Mapping[str, Any]],
        models: Mapping[str, tuple[str, int]],
        conditions: Mapping[str, Condition],
        classes: int,
        level: float = 0.95,
    ) -> Values:
        """From records with model, reference, relation, measure, subset, class and value; and of
        those with an `interval` over examples also `low` and `high`, at `level`.

        Raises:
            ValueError: a model has two numbers at one place.
        """
        made = cls(models, conditions, classes, level=level)
        for row in rows:
            pair = row["model"], row["reference"] if isinstance(row["reference"], str) else None
            where = row["measure"], row["subset"], _whole(row["class"])
            numbers = made.numbers.setdefault(where, {})
            if pair in numbers:
                raise ValueError(f"two numbers of model {pair[0]!r} against {pair[1]} at {where}")
            numbers[pair] = float(row["value"])
            if row.get("interval") in UNITS:
                made.intervals.setdefault(where, {})[pair] = float(row["low"]), float(row["high"])
            if pair[1] is not None:
                made.relations.setdefault(pair[0], {})[pair[1]] = row["relation"]
        return made

    @cached_property
    def by_seed(self) -> dict[str, dict[int, str]]:
        """Condition -> seed -> model."""
        found: dict[str, dict[int, str]] = {}
        for model, (condition, seed) in self.models.items():
            found.setdefault(condition, {})[seed] = model
        return found

    def own_references(self, model: str) -> list[str]:
        """The references that are its own: a committee's student has the committee first.

        A model that is made of another and has no teacher beside it has that other.
        """
        known = self.relations.get(model, {})
        own = sorted((r for r in known if known[r] in OWN), key=lambda r: OWN.index(known[r]))
        return own or [name for name in known if known[name] in OF_CHANGED]

    def pair_of(self, where: Where, pair: Pair) -> Pair | None:
        """The pair whose number is a model's: beside that reference, of the model alone, or beside
        what it was compressed from, where the measure is of that alone.
        """
        model, known = pair[0], self.relations.get(pair[0], {})
        originals = [name for name in known if known[name] == "original"]
        for found in (pair, (model, None), *((model, name) for name in originals)):
            if found in self.numbers.get(where, {}):
                return found
        return None

    def entry_of(self, reference: str | None) -> str | None:
        """The teacher of the configuration that a reference is of."""
        return None if reference is None else self.conditions[self.models[reference][0]].network

    def matching(self, pattern: Mapping[str, Any]) -> list[str]:
        """The conditions that a pattern addresses.

        Raises:
            NotTested: there is none, or none with one of the values that the pattern lists.
        """
        present = {name: self.conditions[name] for name in self.conditions if name in self.by_seed}
        found = [name for name, own in present.items() if own.matches(pattern)]
        each = [{**pattern, name: v} for name in pattern for v in patterns.values(pattern, name)]
        for wanted in each if found else [pattern]:
            if not any(present[name].matches(wanted) for name in found):
                near = nearest(wanted, present.values())
                names = [name for name, own in present.items() if own is near]
                beside = f"; the nearest is {names[0]}" if names else ""
                raise NotTested(f"the study has no {patterns.words(wanted)}{beside}")
        return found

    def of_twins(self, entry: str | None, where: Where) -> np.ndarray:
        """(k,) values of the twins of a teacher that have one, independent of each other.

        Twins of a teacher with several seeds are pairs that share members: of those, the
        pseudo-values of the members, whose mean is the mean over the pairs.

        Raises:
            NotTested: there is no twin, or none has a value.
        """
        found = self.twins(entry, where)
        if not found:
            raise NotTested(f"the study has no twin of the teacher with {where[0]}")
        found = {pair: value for pair, value in found.items() if value == value}
        if not found:
            raise NotTested(f"{where[0]} of the twins is undefined")
        if len({reference for _, reference in found}) == 1:
            return np.array(list(found.values()))
        return paired.pseudo_values(unordered(found))

    def twins(self, entry: str | None, where: Where) -> dict[Pair, float]:
        """Pair -> value of the twins of a teacher; its other seeds are twins of each other."""
        numbers = self.numbers.get(where, {})
        pairs = [pair for pair in self._twins if self.entry_of(pair[1]) == entry]
        found = {pair: numbers[pair] for pair in pairs if pair in numbers}
        alone = dict.fromkeys((model, None) for model, _ in pairs)
        return found or {pair: numbers[pair] for pair in alone if pair in numbers}

    @cached_property
    def _twins(self) -> list[Pair]:
        return [
            (model, reference)
            for model, known in self.relations.items()
            for reference, relation in known.items()
            if relation == "twin"
        ]


def unordered(pairs: Mapping[Pair, float]) -> dict[frozenset[str], float]:
    """The pairs without their direction: the mean of both where both were measured."""
    both: dict[frozenset[str], list[float]] = {}
    for pair, value in pairs.items():
        both.setdefault(frozenset(pair), []).append(value)
    return {pair: float(np.mean(values)) for pair, values in both.items()}


def _whole(value: Any) -> int | None:
    return None if value is None or value != value else int(value)
