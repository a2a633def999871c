"""The numbers of compressed models beside their originals, as figures and sentences read them."""

from __future__ import annotations

import itertools

import pandas as pd

from distilscope.analyses.compression.ladders import Rung, ladders
from distilscope.reporting import style
from distilscope.reporting.conditions import Estimate
from distilscope.reporting.tables import Tables

LIKENESS = "image_specific_rho"


def of_study(tables: Tables) -> dict[tuple[str, str], list[Rung]]:
    """(original, way) -> the rungs of that ladder."""
    rows = tables["compression_rungs"][list(Rung.__dataclass_fields__)]
    return ladders(Rung(**row) for row in rows.to_dict("records"))


def looks(tables: Tables) -> dict[str, tuple[str, str]]:
    """Way of compressing -> colour and marker, the same in every panel."""
    ways = dict.fromkeys(tables["compression_rungs"]["way"])
    both = zip(itertools.cycle(style.SERIES_COLOURS), itertools.cycle(style.MARKERS))
    return dict(zip(ways, both, strict=False))


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


def layer_rows(tables: Tables, measure: str) -> pd.DataFrame:
    """The rows of a measure that hold each layer beside the same layer of the original."""
    rows = tables.of(measure)
    rows = rows[(rows["relation"] == "original") & (rows["layer"] == rows["reference_layer"])]
    return rows[rows["resolution"].isna() | (rows["resolution"] == "gap")]


def layers_of(tables: Tables, model: str) -> pd.DataFrame:
    """The signal-to-noise ratio of each layer of a model where it is defined, input to output."""
    rows = layer_rows(tables, "layer_snr")
    return rows[(rows["model"] == model) & rows["value"].notna()]


def lowest_layer(tables: Tables, model: str) -> pd.Series | None:
    """The row of the layer that differs most from the original's; None where none does."""
    rows = layers_of(tables, model)
    return None if rows.empty else rows.loc[rows["value"].idxmin()]
