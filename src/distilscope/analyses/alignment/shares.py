"""Measures of the largest pixels, named by the share of them: `iou20` is of the top 20 %."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

IOU_CURVE = (0.05, 0.1, 0.2, 0.3, 0.5)
"""The shares at which every study has an IoU."""

USUAL = 0.2
"""The share of the headline set where a study names none."""


def percent_name(stem: str, share: float) -> str:
    """`iou20` for 0.2."""
    return f"{stem}{percent(share):02d}"


def percent(share: float) -> int:
    """20 for 0.2."""
    return round(100 * share)


def headline(settings: Mapping[str, Any]) -> float:
    """The share of the headline set, from what figures and sections know of the analysis."""
    return settings.get("top", USUAL)
