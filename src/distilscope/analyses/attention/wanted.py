"""Which figures a study has something to draw in."""

from __future__ import annotations

from collections.abc import Iterable

from distilscope.analyses.attention.strengths import strength
from distilscope.planning.conditions import Condition


def of_several_strengths(conditions: Iterable[Condition]) -> bool:
    """Teachers differ in the strength of their augmentation, on three levels or more."""
    teachers = {c.views for c in conditions if c.role == "teacher"}
    return len({strength(views) for views in teachers} - {None}) > 2


def of_several_objectives(conditions: Iterable[Condition]) -> bool:
    """A student learns from the same teachers under several objectives or parameters."""
    found: dict[tuple, set] = {}
    for c in conditions:
        if c.role == "student" and c.teachers:
            where = (c.network, c.teachers, c.combine)
            found.setdefault(where, set()).add((c.objective, c.parameters))
    return any(len(ways) > 1 for ways in found.values())


def of_taught(conditions: Iterable[Condition]) -> bool:
    """Students learn from teachers."""
    return any(condition.role == "student" for condition in conditions)
