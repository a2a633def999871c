"""Training regimes: labels only, and each (T, α) that students were distilled at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distilscope.reporting.conditions import Condition
from distilscope.reporting.tables import Tables


@dataclass(frozen=True)
class Regime:
    """How students were trained. `T` is None and `alpha` 0 for labels only."""

    alpha: float
    T: float | None

    @property
    def words(self) -> str:
        """α is the weight of the teacher's logits; other studies print that of the labels."""
        if self.T is None:
            return "labels only (hard-label weight 1)"
        return f"α = {self.alpha:g} (hard-label weight {1 - self.alpha:g}), T = {self.T:g}"

    @property
    def short(self) -> str:
        """For an axis."""
        return "labels only" if self.T is None else f"α={self.alpha:g}, T={self.T:g}"

    @property
    def weight(self) -> str:
        """The same where temperatures were not published."""
        return "labels only" if self.alpha == 0 else f"α={self.alpha:g}"

    @property
    def order(self) -> tuple[float, float]:
        """Published regimes go by weight, then temperature."""
        return self.alpha, self.T or 0.0

    @classmethod
    def of(cls, pattern: Mapping[str, Any]) -> Regime:
        """That of a published number, which may leave the temperature out."""
        alpha, temperature = pattern.get("alpha") or 0.0, pattern.get("T")
        return cls(float(alpha), None if temperature is None else float(temperature))


@dataclass(frozen=True)
class Ladder:
    """Students from the largest to the smallest under each regime.

    Attributes:
        students: names. regimes: labels only first, then by α and T.
        conditions: (student, regime) -> the condition.
        retrained: the student that has the teacher's own network and was not trained on labels
            only: there the twin stands for it. None where there is no such student or twin.
        twin: the condition of the twin, or None.
    """

    students: tuple[str, ...]
    regimes: tuple[Regime, ...]
    conditions: dict[tuple[str, Regime], Condition]
    retrained: str | None
    twin: Condition | None

    def at(self, student: str, regime: Regime) -> Condition | None:
        """The condition, or the twin in the place of a teacher's own network on labels only."""
        if regime.T is None and student == self.retrained:
            return self.twin
        return self.conditions.get((student, regime))

    @property
    def drawn(self) -> list[Condition]:
        """All conditions, student by student."""
        found = [self.at(s, r) for s in self.students for r in self.regimes]
        return [condition for condition in found if condition is not None]


def ladder(tables: Tables) -> Ladder | None:
    """The students of a study by regime; None where fewer than two weights α were trained."""
    found = {}
    for condition in tables.of_role("control", "student"):
        temperature, alpha = condition.number("T"), condition.number("alpha")
        if condition.role == "control":
            found.setdefault((condition.network, Regime(0.0, None)), condition)
        elif alpha is not None and temperature is not None:
            found.setdefault((condition.network, Regime(alpha, temperature)), condition)
    regimes = sorted({regime for _, regime in found}, key=lambda r: (r.T or 0, r.alpha))
    if len({regime.alpha for regime in regimes if regime.T is not None}) < 2:
        return None
    size = {student: condition.parameters for (student, _), condition in found.items()}
    students = sorted(size, key=lambda name: (-size[name], name))
    teacher = next(iter(tables.of_role("teacher")), None)
    twin = next(iter(tables.of_role("twin")), None)
    same = [
        name
        for name in students
        if teacher and size[name] == teacher.parameters and (name, Regime(0.0, None)) not in found
    ]
    retrained = same[0] if same and twin else None
    return Ladder(tuple(students), tuple(regimes), found, retrained, twin)
