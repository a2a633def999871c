"""Estimators of mutual information beside what each gives by chance."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from distilscope.measuring.study import PROBE
from distilscope.reporting import style
from distilscope.reporting.figures import Drawing, NothingToDraw
from distilscope.reporting.tables import Tables

ESTIMATORS = {
    "mutual_information": "whole table",
    "published_mis": "published (mis): plug-in, by batch",
    "published_mi": "published (mi): neighbours, by batch",
}
RELATIONS = ("teacher", "committee", "twin")


def fig_information(tables: Tables) -> Drawing:
    """A bar an estimator, and hatched what it gives of shuffled predictions."""
    records = [
        {"estimator": name, "value": _mean(tables, name), "null": _mean(tables, f"{name}_null")}
        for name in ESTIMATORS
    ]
    numbers = pd.DataFrame.from_records(records)
    if not numbers["value"].notna().any():
        raise NothingToDraw("no student stands beside a reference")
    figure = Figure(figsize=(style.WIDE, 1.9))
    axes = figure.subplots()
    at = np.arange(len(numbers))
    axes.barh(at - 0.18, numbers["value"], height=0.34, color=style.BLUE, label="as estimated")
    axes.barh(
        at + 0.18, numbers["null"], height=0.34, color="white", edgecolor=style.VERMILION,
        hatch="////", label="of shuffled predictions",
    )  # fmt: skip
    if tables.classes:
        ceiling = math.log(len(tables.classes))
        axes.axvline(ceiling, color=style.GREY, ls=":", label="ln of the number of classes")
    axes.set_yticks(at, ESTIMATORS.values())
    axes.set_ylim(len(numbers) - 0.4, -0.6)
    axes.set_xlabel("nats")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure, numbers


def _mean(tables: Tables, measure: str) -> float:
    rows = tables.of(measure)
    students = {m for c in tables.of_role("student") for m in c.models}
    own = rows[(rows["probe"] == PROBE) & rows["headline"] & rows["relation"].isin(RELATIONS)]
    return float(own[own["model"].isin(students)]["value"].mean())
