"""The primary measure in full: its null, its size, what it rests on, and its other forms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from distilscope.analyses.alignment.places import PRIMARY
from distilscope.reporting.conditions import Condition, Estimate, estimate
from distilscope.reporting.grid import Grid
from distilscope.reporting.spelling import between, number, spell
from distilscope.reporting.tables import Tables

NULL = "null_image_specific_rho"
BESIDE = (
    *(NULL, "partial_image_specific_rho", "image_specific_share"),
    *("reference_image_specific_share", "image_specific_rho_unit", "null_image_specific_rho_unit"),
)


COLUMNS = (
    *("Model", "Image-specific ρ", "Null", "Null by class", "Without place", "Own share, model"),
    *("Own share, teacher", "Older form (its null)", "Images", "Undefined"),
)


@dataclass(frozen=True)
class Row:
    """A condition: `numbers` of the primary measure and of those beside it.

    Attributes:
        n, n_undefined: images behind the primary measure and those of the subset without a value,
            as `1,706` or, where its models differ, `1,690 to 1,706`.
        null_low, null_high: the smallest and the largest null of a class, over its models.
    """

    condition: Condition
    numbers: dict[str, Estimate]
    n: str
    n_undefined: str
    null_low: float
    null_high: float


def rows(tables: Tables) -> list[Row]:
    """A row for each condition whose maps were compared with a teacher's."""
    headline = {measure: tables.headline(measure) for measure in (PRIMARY, *BESIDE)}
    by_class = tables.headline(NULL, by_class=True)
    found = []
    for condition in tables.conditions:
        numbers = {measure: estimate(condition, own) for measure, own in headline.items()}
        own = headline[PRIMARY][headline[PRIMARY]["model"].isin(condition.models)]
        if own.empty:
            continue
        nulls = by_class.loc[by_class["model"].isin(condition.models), "value"].dropna()
        ends = (nulls.min(), nulls.max()) if len(nulls) else (math.nan, math.nan)
        counts = (_span(own[name].dropna().to_numpy(int)) for name in ("n", "n_undefined"))
        found.append(Row(condition, numbers, *counts, *ends))
    return found


def context(tables: Tables) -> Mapping[str, Any] | None:
    """The section; None where no maps were compared."""
    found = rows(tables)
    if not found:
        return None
    caption = (
        f"On {tables.subset_words}. The null is the same number for another image's map, its range "
        "that of the classes. “Without place”: what the object's place and extent explain is taken "
        "out as well, where the object is known. The own share is that of the rank variance of the "
        "maps that differs from image to image. The older form is the mean of correlations by "
        "image, whose null is not 0."
    )
    cells = [_cells(row) for row in found]
    return {"grid": Grid("Image-specific rho in full", COLUMNS, cells, caption)}


def _cells(row: Row) -> tuple[str, ...]:
    found = row.numbers
    plain = {measure: number(own.value) for measure, own in found.items()}
    older, older_null = (plain[f"{stem}{PRIMARY}_unit"] for stem in ("", "null_"))
    return (
        row.condition.label,
        spell(found[PRIMARY]),
        plain[NULL],
        between(row.null_low, row.null_high),
        spell(found["partial_image_specific_rho"]),
        plain["image_specific_share"],
        plain["reference_image_specific_share"],
        f"{older} ({older_null})",
        row.n,
        row.n_undefined,
    )


def _span(counts: np.ndarray) -> str:
    if not len(counts):
        return "–"
    low, high = counts.min(), counts.max()
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
