"""Which figures of a sweep a study of given conditions has something to draw in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from distilscope.planning.conditions import Condition


def of_several_weights(conditions: Sequence[Condition]) -> bool:
    """Whether students were distilled with several weights α of the teacher."""
    return len({parameters["alpha"] for _, parameters in _swept(conditions)}) > 1


def of_several_temperatures(conditions: Sequence[Condition]) -> bool:
    """Whether one network was distilled at several temperatures, all else being equal."""
    found = defaultdict(set)
    for condition, parameters in _swept(conditions):
        found[condition.network, condition.teachers, parameters["alpha"]].add(parameters["T"])
    return any(len(temperatures) > 1 for temperatures in found.values())


def _swept(conditions: Sequence[Condition]) -> list[tuple[Condition, dict]]:
    """The students whose objective takes a temperature and a weight."""
    found = [(c, dict(c.parameters)) for c in conditions if c.role == "student"]
    return [(c, parameters) for c, parameters in found if {"T", "alpha"} <= set(parameters)]
