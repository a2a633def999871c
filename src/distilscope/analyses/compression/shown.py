"""The numbers of compressed models beside their originals, as figures and sentences read them."""

from __future__ import annotations

import json

import pandas as pd

from distilscope import catalog
from distilscope.analyses.compression.ladders import Rung, ladders, rung
from distilscope.reporting import style
from distilscope.reporting.conditions import Estimate
from distilscope.reporting.tables import Tables

LIKENESS = "image_specific_rho"


def look(way: str) -> tuple[str, str]:
    """Colour and marker of a way of compressing, the same in every panel."""
    place = list(catalog.COMPRESSIONS).index(way)
    return tuple(each[place % len(each)] for each in (style.SERIES_COLOURS, style.MARKERS))


def of_study(tables: Tables) -> dict[tuple[str, str], list[Rung]]:
    """(original, way) -> the rungs of that ladder."""
    found = []
    for condition in tables.of_role("compressed"):
        parameters = json.loads(condition.row["parameters"])
        found += [rung(model, original_of(tables, model), parameters) for model in condition.models]
    return ladders(found)


def original_of(tables: Tables, model: str) -> str:
    """The model that a compressed one is made of."""
    rows = tables.measures
    own = rows[(rows["model"] == model) & (rows["relation"] == "original")]
    return str(own["reference"].iloc[0])


def beside_original(tables: Tables, measure: str, model: str) -> Estimate:
    """A measure of a model beside its original, on the images that comparisons are shown on."""
    rows = tables.of(measure)
    rows = rows[(rows["model"] == model) & rows["headline"] & rows["class"].isna()]
    return one(rows[rows["relation"].isin(["original", "stand-in"])], tables.subset)


def alone(tables: Tables, measure: str, model: str) -> Estimate:
    """A measure of a model alone, on all test images."""
    rows = tables.of(measure)
    rows = rows[(rows["model"] == model) & rows["headline"] & rows["class"].isna()]
    return one(rows[rows["reference"].isna()], "all")


def one(rows: pd.DataFrame, subset: str) -> Estimate:
    """The number of the rows on a subset, or on all images."""
    for name in (subset, "all"):
        own = rows[rows["subset"] == name]
        if len(own):
            row = own.iloc[0]
            reason = row["reason"] if isinstance(row["reason"], str) else ""
            numbers = (float(row[key]) for key in ("value", "low", "high"))
            return Estimate(*numbers, "images", (), float(row["n"]), reason)
    nothing = float("nan")
    return Estimate(nothing, nothing, nothing, "", (), reason="not measured")
