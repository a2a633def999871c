"""Each measure of alignment for every model, beside what scores without any shared reasoning."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from distilscope.analyses.alignment.shares import IOU_CURVE, headline, percent, percent_name
from distilscope.reporting.conditions import estimate
from distilscope.reporting.formatting import number, with_interval
from distilscope.reporting.grid import Grid
from distilscope.reporting.tables import Tables

TRIVIAL = {"gaussian_": "A centred Gaussian", "edges_": "The edges of the image"}
NULLS = {"null_": "another image of the class", "null_other_": "an image of another class"}
FORM = "{:.2f}"
PLACES = (
    ("Last block, at input resolution", "input", 0),
    ("Last block, at its native grid", "native", 0),
    ("The block before, at input resolution", "input", 1),
    ("The block before, at its native grid", "native", 1),
)


def columns(top: float) -> dict[str, str]:
    """Measure -> its heading, where the headline set is that share of the pixels."""
    return {
        "image_specific_rho": "Image-specific ρ",
        "rho": "Raw ρ",
        **{
            percent_name("iou", share): f"IoU {percent(share)} %"
            for share in sorted({*IOU_CURVE, top})
        },
        percent_name("mass_lift", top): f"Mass lift {percent(top)} %",
        "cosine": "Cosine",
    }


def context(tables: Tables) -> Mapping[str, Any] | None:
    """A table for each place at which maps were compared; None where there is none."""
    grids = [_grid(tables, *place) for place in PLACES]
    grids = [grid for grid in grids if grid.rows]
    return {"subset": tables.subset_words, "grids": grids} if grids else None


def _grid(tables: Tables, title: str, resolution: str, depth: int) -> Grid:
    """Every condition with its nulls under it, then the maps that no model made."""
    shown = columns(headline(tables.settings_of("alignment")))
    found = {
        stem: [at(tables, f"{stem}{name}", resolution, depth) for name in shown]
        for stem in ("", *NULLS, *TRIVIAL)
    }
    lines = []
    for condition in tables.conditions:
        if condition.role != "teacher":
            lines.append((condition.label, condition, ""))
            lines += [
                (f"{condition.label}: {said}", condition, stem) for stem, said in NULLS.items()
            ]
    for teacher in tables.of_role("teacher")[:1]:
        lines += [(said, teacher, stem) for stem, said in TRIVIAL.items()]
    rows, styles = [], []
    for label, condition, stem in lines:
        first, *others = (estimate(condition, rows) for rows in found[stem])
        if first.defined or any(other.defined for other in others):
            own = number(first.value, FORM) if stem in NULLS else with_interval(first, FORM)
            rows.append((label, own, *(number(other.value, FORM) for other in others)))
            styles.append("null" if stem in NULLS else "")
    return Grid(title, ("Model", *shown.values()), rows, style="comparison", row_styles=styles)


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
