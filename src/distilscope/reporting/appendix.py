"""The tables behind the evidence: over seeds, as published, as printed, and what is undefined."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from distilscope.reporting.reasons import split
from distilscope.reporting.tables import Tables, clean

PRINTED = ("of", "measure", "value", "trust", "source", "error")


def printed(tables: Tables) -> list[dict[str, Any]]:
    """The numbers that the study of the claims file printed, with the columns of `PRINTED`."""
    rows = tables.published[list(PRINTED)].to_dict("records")
    return [{**{key: _text(row[key]) for key in PRINTED}, "value": row["value"]} for row in rows]


def _text(value: object) -> str:
    return clean(value) if isinstance(value, str) else ""


def over_seeds(tables: Tables) -> list[dict[str, Any]]:
    """Every recipe with several seeds: its mean with both intervals, under its own label."""
    first = {(c.role, c.student, c.T, c.alpha): c.label for c in tables.cells}
    rows = tables.seeds[tables.seeds["seeds"] > 1].to_dict("records")
    return [
        {**row, "label": first.get(_key(row), f"{row['student']} {row['objective']}")}
        for row in rows
    ]


def _key(row: Mapping[str, Any]) -> tuple:
    """What `over_seeds` finds a recipe's cell by."""
    numbers = (None if math.isnan(row[name]) else float(row[name]) for name in ("T", "alpha"))
    return row["role"], row["student"], *numbers


def published(tables: Tables) -> list[dict[str, Any]]:
    """Consistency by the published definitions, a row a number over all classes."""
    rows = tables.measures
    chosen = rows[rows["measure"].str.startswith("published_") & rows["class"].isna()]
    labels = {model: cell.label for cell in tables.cells for model in cell.models}
    columns = [
        "model",
        "measure",
        "subset",
        "explained",
        "value",
        "low",
        "high",
        "n",
        "n_undefined",
    ]
    return [
        {**row, "model": labels.get(row["model"], row["model"])}
        for row in chosen[columns].to_dict("records")
    ]


def undefined(tables: Tables) -> list[dict[str, Any]]:
    """What is undefined and why: a row for each cause, the one that concerns most numbers first."""
    rows = tables.measures
    # Spread and quantiles leave out the images that their mean leaves out.
    rows = rows[~rows["measure"].str.contains(r"\.(?:sd|min|q\d+)$")]
    affected = rows[rows["value"].isna() | (rows["n_undefined"].fillna(0) > 0)]
    told = pd.DataFrame(
        {
            "measure": affected["measure"],
            "reason": affected["reason"].fillna("").replace("", "no reason recorded").map(split),
            "missing": affected["value"].isna(),
            "model": affected["model"],
            "left_out": affected["n_undefined"].fillna(0).astype(int),
        }
    ).explode("reason")
    found = told.groupby("reason", sort=True).agg(
        numbers=("model", "size"),
        missing=("missing", "sum"),
        models=("model", "nunique"),
        measures=("measure", lambda own: sorted(set(own))),
        least=("left_out", "min"),
        most=("left_out", "max"),
    )
    found = found.reset_index().sort_values(["numbers", "reason"], ascending=[False, True])
    return found.to_dict("records")
