"""Which figures a study has something to draw in."""

from __future__ import annotations

from collections.abc import Iterable

from distilscope.planning.conditions import Condition


def of_asymmetric(conditions: Iterable[Condition]) -> bool:
    """Students learn by `ats`."""
    return any(condition.objective == "ats" for condition in conditions)
