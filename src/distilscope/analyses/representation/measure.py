"""Rows about how alike layers are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from distilscope import store
from distilscope.measuring.entries import Compared
from distilscope.measuring.rows import Rows
from distilscope.measuring.study import Study

SIMILARITIES = ("cka_debiased", "cka_biased", "cka_biased_null")
NO_NEIGHBOURS = "an image's features are zero, or others are equally near"


def measure(study: Study, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Likeness of every layer pair of every comparison that has layers; no table of its own."""
    compared = [each for each in study.compared if each.has("layers.parquet")]
    study.rows.add_each(lambda rows, each: add_layer_rows(study, rows, each), compared)
    return {}


def add_layer_rows(study: Study, rows: Rows, each: Compared) -> None:
    """Likeness of every layer pair. The reduction of the features stands under `resolution`."""
    table = store.read_table(each.folder / "layers.parquet")
    for record in table.to_dict("records"):
        place = {
            "subset": "all",
            "layer": record["layer"],
            "reference_layer": record["reference_layer"],
            "resolution": record["reduction"],
            "headline": False,  # no pair of layers stands for the others
        }
        n = _counted(record["n"], record["cka_debiased"])
        for measure in SIMILARITIES:
            rows.add(each, measure, record[measure], n=n, reason=record["reason"], **place)
        if record["reduction"] != "gap":
            continue
        n = _counted(record["mutual_n"], record["mutual_knn"])
        left_out = len(study.index) - n
        reason = record["mutual_reason"]
        if left_out and not reason:
            reason = f"{left_out} undefined: {NO_NEIGHBOURS} ({left_out})"
        of = {"n": n, "n_undefined": left_out, "reason": reason}
        rows.add(each, "mutual_knn", record["mutual_knn"], **of, **place)
        chance = record["mutual_knn_null"]
        of = {"n": len(study.index), "reason": None if np.isfinite(chance) else reason}
        rows.add(each, "mutual_knn_null", chance, **of, **place)


def _counted(images: float, value: float) -> int:
    """The images behind a value; 0 where there is none."""
    return int(images) if np.isfinite(value) else 0
