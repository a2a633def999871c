"""The numbers of a study that its claims are about, found by cell, seed and measure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from distilscope.configuration import claims
from distilscope.statistics import paired

TWIN_ROLES = ("twin", "teacher")  # a further teacher is as good a twin of the first

TAUGHT_BY = {"student": "teacher", "control": "teacher", "twin-taught": "twin"}


class NotTested(Exception):
    """A term of the statement is missing in the study; the message says which."""


class Cell(NamedTuple):
    """A cell of the grid: a student under an objective."""

    student: str
    objective: str
    T: float | None
    alpha: float | None
    taught_by: str


class Seen(NamedTuple):
    """One number of one model: its value, and the model it is measured against."""

    value: float
    reference: str | None


Where = tuple[str, str, int | None]  # measure, subset, class


@dataclass
class Values:
    """The numbers of a study that statements are about.

    Attributes:
        classes: how many the study has.
        cells: cell -> seed -> where -> `Seen`, for students and controls.
        twins: where -> (twin, its reference) -> the value; a further teacher is one too, and with
            several teachers each is measured against each.
        models: cell -> seed -> the model's id.
        shared: cells of which a seed has several models, as with two families of teachers.
    """

    classes: int
    cells: dict[Cell, dict[int, dict[Where, Seen]]] = field(default_factory=dict)
    twins: dict[Where, dict[tuple[str, str | None], float]] = field(default_factory=dict)
    models: dict[tuple[Cell, int], str] = field(default_factory=dict)
    shared: set[Cell] = field(default_factory=set)

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]], classes: int) -> Values:
        """From records with model, role, student, objective, T, alpha, seed, reference, measure,
        subset, class and value.

        Raises:
            ValueError: a model has two numbers at one place.
        """
        rows = list(rows)
        compared = {row["model"] for row in rows if isinstance(row["reference"], str)}
        made = cls(classes)
        for row in rows:
            if row["role"] in TAUGHT_BY:
                made._add(row)
            elif row["role"] in TWIN_ROLES and row["model"] in compared:
                seen = _seen(row)
                place = made.twins.setdefault(_place(row), {})
                _put(place, (row["model"], seen.reference), seen.value, row["model"])
        return made

    def _add(self, row: Mapping[str, Any]) -> None:
        numbers = _number(row["T"]), _number(row["alpha"])
        cell = Cell(row["student"], row["objective"], *numbers, TAUGHT_BY[row["role"]])
        seed = int(row["seed"])
        if self.models.setdefault((cell, seed), row["model"]) != row["model"]:
            self.shared.add(cell)
            return
        place = self.cells.setdefault(cell, {}).setdefault(seed, {})
        _put(place, _place(row), _seen(row), row["model"])

    def students(self, asked: str | list[str], arms: Iterable[claims.Arm]) -> list[str]:
        """Those asked for; for `all`, the students of the study that every arm has.

        Raises:
            NotTested: a student is not trained under an arm, or none is under all.
        """
        arms = list(arms)
        for cell in self.shared:
            if any(cell == _cell(cell.student, arm) for arm in arms):
                raise NotTested(f"several models share a seed of {cell.student} {cell.objective}")
        if asked == "all":
            names = dict.fromkeys(cell.student for cell in self.cells)
            found = [n for n in names if all(_cell(n, arm) in self.cells for arm in arms)]
            if not found:
                words = " and ".join(arm.words for arm in arms)
                raise NotTested(f"the study trains no student under {words}")
            return found
        for name in asked:
            for arm in arms:
                if _cell(name, arm) not in self.cells:
                    raise NotTested(f"the study has no {name} student under {arm.words}")
        return asked

    def trained_under(self, asked: str | list[str], arm: claims.Arm) -> list[str]:
        """Those of the students asked for that the study trains under an arm.

        Raises:
            NotTested: a seed of one of them has several models.
        """
        names = dict.fromkeys(cell.student for cell in self.cells) if asked == "all" else asked
        found = [name for name in names if _cell(name, arm) in self.cells]
        for name in found:
            if _cell(name, arm) in self.shared:
                raise NotTested(f"several models share a seed of {name} {arm.words}")
        return found

    def seeds_of(self, student: str, arm: claims.Arm) -> set[int]:
        """The seeds of one cell."""
        return set(self.cells[_cell(student, arm)])

    def seeds(self, students: list[str], arms: Iterable[claims.Arm]) -> list[int]:
        """The seeds that every one of these cells has, in order.

        Raises:
            NotTested: they have none in common.
        """
        parts = [set(self.cells[_cell(s, arm)]) for s in students for arm in arms]
        shared = sorted(set.intersection(*parts))
        if not shared:
            raise NotTested("the cells of the statement have no seed in common")
        return shared

    def of_seed(self, students: list[str], arm: claims.Arm, seed: int, where: Where) -> float:
        """Mean over the students of a seed's values; NaN where one of them has none."""
        found = [self.cells[_cell(s, arm)][seed].get(where) for s in students]
        return float(np.mean([seen.value if seen else math.nan for seen in found]))

    def teacher(self, students: list[str], arm: claims.Arm, seed: int) -> str | None:
        """The model that this seed's students are compared with, where it is one."""
        seen = {s.reference for n in students for s in self.cells[_cell(n, arm)][seed].values()}
        named = seen - {None}
        return next(iter(named)) if len(named) == 1 else None

    def of_twins(self, where: Where) -> np.ndarray:
        """(k,) values of the twins that have one, independent of each other.

        Twins of several teachers are pairs that share members: of those, the pseudo-values of the
        members, whose mean is the mean over the pairs.

        Raises:
            NotTested: there is no twin, or none has a value.
        """
        found = self.twins.get(where, {})
        if not found:
            raise NotTested(f"the study has no twin of the teacher with {where[0]}")
        found = {pair: value for pair, value in found.items() if value == value}
        if not found:
            raise NotTested(f"{where[0]} of the twins is undefined")
        if len({reference for _, reference in found}) == 1:
            return np.array(list(found.values()))
        return paired.pseudo_values(unordered(found))

    def require(self, where: Where) -> None:
        """Raise `NotTested` where no model of the study has that measure."""
        if not any(where in seen for by_seed in self.cells.values() for seen in by_seed.values()):
            raise NotTested(f"the study has no {where[0]} on the subset {where[1]!r}")


def unordered(pairs: Mapping[tuple[str, str | None], float]) -> dict[frozenset[str], float]:
    """The pairs without their direction: the mean of both where both were measured."""
    both: dict[frozenset[str], list[float]] = {}
    for pair, value in pairs.items():
        both.setdefault(frozenset(pair), []).append(value)
    return {pair: float(np.mean(values)) for pair, values in both.items()}


def _place(row: Mapping[str, Any]) -> Where:
    return row["measure"], row["subset"], _whole(row["class"])


def _seen(row: Mapping[str, Any]) -> Seen:
    reference = row["reference"]
    return Seen(float(row["value"]), reference if isinstance(reference, str) else None)


def _put(place: dict, key: Any, seen: Any, model: str) -> None:
    if key in place:
        raise ValueError(f"two numbers of model {model!r} at {key}")
    place[key] = seen


def _cell(student: str, arm: claims.Arm) -> Cell:
    return Cell(student, arm.objective, arm.T, arm.alpha, arm.taught_by)


def _number(value: Any) -> float | None:
    return None if value is None or value != value else float(value)


def _whole(value: Any) -> int | None:
    return None if value is None or value != value else int(value)
