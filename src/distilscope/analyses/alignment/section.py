"""The primary measure in full: its null, its size, what it rests on, and its other forms."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from distilscope.reporting.cells import Cell, Estimate, estimate
from distilscope.reporting.tables import Tables

PRIMARY = "image_specific_rho"
NULL = "null_image_specific_rho"
BESIDE = (
    *(NULL, "partial_image_specific_rho", "image_specific_share"),
    *("reference_image_specific_share", "image_specific_rho_unit", "null_image_specific_rho_unit"),
)


@dataclass(frozen=True)
class Row:
    """A recipe: `numbers` of the primary measure and of those beside it.

    Attributes:
        n, n_undefined: images behind the primary measure and those of the subset without a value,
            as `1,706` or, where its models differ, `1,690 to 1,706`.
        null_low, null_high: the smallest and the largest null of a class, over its models.
    """

    cell: Cell
    numbers: dict[str, Estimate]
    n: str
    n_undefined: str
    null_low: float
    null_high: float


def rows(tables: Tables) -> list[Row]:
    """A row for each recipe whose maps were compared with a teacher's."""
    headline = {measure: tables.headline(measure) for measure in (PRIMARY, *BESIDE)}
    by_class = tables.headline(NULL, by_class=True)
    found = []
    for cell in tables.cells:
        numbers = {measure: estimate(cell, own) for measure, own in headline.items()}
        own = headline[PRIMARY][headline[PRIMARY]["model"].isin(cell.models)]
        if own.empty:
            continue
        nulls = by_class.loc[by_class["model"].isin(cell.models), "value"].dropna()
        ends = (nulls.min(), nulls.max()) if len(nulls) else (math.nan, math.nan)
        counts = (_span(own[name].dropna().to_numpy(int)) for name in ("n", "n_undefined"))
        found.append(Row(cell, numbers, *counts, *ends))
    return found


def _span(counts: np.ndarray) -> str:
    if not len(counts):
        return "–"
    low, high = counts.min(), counts.max()
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
