"""Consistency by the published definitions, a row a number over all classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distilscope.reporting.formatting import number
from distilscope.reporting.grid import Grid
from distilscope.reporting.tables import Tables

COLUMNS = (
    *("Model", "Measure", "Images", "Class explained", "Value", "Low", "High"),
    *("n", "Undefined"),
)


def context(tables: Tables) -> Mapping[str, Any] | None:
    """The section; None where nothing was computed so."""
    rows = tables.measures
    chosen = rows[rows["measure"].str.startswith("published_") & rows["class"].isna()]
    label = {model: found.label for found in tables.conditions for model in found.models}
    lines = [
        (
            *(label.get(row["model"], row["model"]), row["measure"], row["subset"]),
            row["explained"],
            *(number(row[name]) for name in ("value", "low", "high")),
            *(number(row[name], "{:.0f}") for name in ("n", "n_undefined")),
        )
        for row in chosen.to_dict("records")
    ]
    return {"grid": Grid("Published definitions", COLUMNS, lines)} if lines else None
