"""Which figures of outputs a study of given conditions has something to draw in."""

from __future__ import annotations

from collections.abc import Sequence

from distilscope.planning.conditions import Condition


def of_trained(conditions: Sequence[Condition]) -> bool:
    """Whether anything was trained, apart from untrained networks and given weights."""
    return any(c.source == "trained" and c.role != "floor" for c in conditions)
