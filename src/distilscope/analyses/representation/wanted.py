"""Which figures of representation a study of given conditions has something to draw in."""

from __future__ import annotations

from collections.abc import Sequence

from distilscope.planning.conditions import Condition


def of_a_comparison(conditions: Sequence[Condition]) -> bool:
    """Whether there is a model to hold against a teacher."""
    return any(condition.role != "teacher" for condition in conditions)
