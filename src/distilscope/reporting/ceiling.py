"""How alike retrained teachers are: the mean over all pairs of a family of teachers and twins."""

from __future__ import annotations

import math
from collections.abc import Set

import numpy as np
import pandas as pd

from distilscope.statistics import paired
from distilscope.statistics.values import unordered

OVER = "teachers"
TWO = "two teachers are one pair: no interval over teachers"


def over_pairs(rows: pd.DataFrame, names: dict[str, str], teachers: Set[str]) -> pd.DataFrame:
    """The rows of twins, or with several teachers one row a family (and class) in their place.

    Args:
        rows: of one measure, at most one for each (model, reference, class).
        names: model -> the id under which its family's ceiling stands; for teachers and twins.
        teachers: which of them are teachers.

    The interval of a mean over pairs is the jackknife's over the members (`paired.pseudo_values`).
    """
    family = rows["model"].map(names)
    inside = family.notna() & (family == rows["reference"].map(names))
    pairs = rows[inside]
    if not pairs["model"].isin(list(teachers)).any():
        return rows
    families = [pairs["model"].map(names), pairs["class"].astype(object).fillna(-1)]
    made = [_row(found, name) for (name, _), found in pairs.groupby(families, sort=False)]
    return pd.concat([rows[~inside], pd.DataFrame(made)], ignore_index=True)


def _row(pairs: pd.DataFrame, name: str) -> dict[str, object]:
    """The first pair's row with the numbers of all pairs; one pair keeps its own."""
    first = {**pairs.iloc[0].to_dict(), "model": name, "reference": None}
    if len(pairs) == 1:
        return first
    values = {
        (row.model, row.reference): float(row.value)
        for row in pairs.itertuples()
        if math.isfinite(row.value)
    }
    both = unordered(values)
    if not both:
        said = [text for text in pairs["reason"] if isinstance(text, str)]
        return first | {"reason": said[0] if said else "no pair of teachers has a value"}
    mean = float(np.mean(list(both.values())))
    half, reason = _half(both)
    return first | {
        "value": mean,
        "low": mean - half,
        "high": mean + half,
        "interval": OVER if math.isfinite(half) else None,
        "n": len(both),
        "n_undefined": len(pairs) - len(values),
        "reason": reason,
    }


def _half(both: dict[frozenset[str], float]) -> tuple[float, str | None]:
    """Half of the t interval over the members, and why there is none."""
    try:
        return paired.half_width(paired.pseudo_values(both)), None
    except ValueError:
        return math.nan, TWO
