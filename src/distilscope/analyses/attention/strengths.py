"""How strong a policy augments, from 0 (weak) to 1 (strong), by what conditions call it."""

from __future__ import annotations

ENDS = {"weak": 0.0, "strong": 1.0}
GRADED = "graded-"


def strength(views: str | None) -> float | None:
    """Of `weak`, `strong` and `graded-0.4`; None of any other policy."""
    if views in ENDS:
        return ENDS[views]
    if views and views.startswith(GRADED):
        return float(views.removeprefix(GRADED))
    return None


def order(views: str | None) -> tuple[bool, float, str]:
    """The place of a policy among others: by strength, others last."""
    found = strength(views)
    return found is None, found or 0.0, views or ""
