"""Where maps were compared: a resolution and a depth, for one number of each model."""

from __future__ import annotations

import json

import pandas as pd

from distilscope.reporting.tables import Tables


def at(tables: Tables, measure: str, resolution: str, depth: int) -> pd.DataFrame:
    """The row of each model at a resolution and depth, for what the reference predicts.

    Args:
        resolution: `input` or `native`. depth: 0 is the last block, 1 the explained one before.
    """
    rows = tables.of(measure)
    chosen = _at_depth(tables, rows, depth)
    method = tables.settings["analyses"]["alignment"]["method"]
    place = {"method": method, "resolution": resolution, "explained": "reference"}
    for column, value in place.items():
        chosen &= rows[column].isna() | (rows[column] == value)
    return tables.one_each(rows[chosen])


def _at_depth(tables: Tables, rows: pd.DataFrame, depth: int) -> pd.Series:
    """Which rows' layers, where they have any, are the explained ones at that depth."""
    listed = zip(tables.models["id"], tables.models["explained"].map(json.loads), strict=True)
    known = {model: layers[depth] for model, layers in listed if depth < len(layers)}
    own = rows["layer"].isna() | (rows["layer"] == rows["model"].map(known))
    reference = rows["reference_layer"]
    return own & (reference.isna() | (reference == rows["reference"].map(known)))
