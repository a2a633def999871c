"""How right the models are and how well they know it."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from distilscope.reporting import style
from distilscope.reporting.conditions import estimates
from distilscope.reporting.figures import Drawing, NothingToDraw, drawing
from distilscope.reporting.tables import Tables

PANELS = (("accuracy", "Accuracy", "{:.3f}"), ("ece", "ECE", "{:.3f}"))
MAX_PANELS = 24
COLUMNS = 4


def fig_accuracy_calibration(tables: Tables) -> Drawing:
    """Bars of accuracy and ECE, a row a condition."""
    if not any(tables.headline(measure)["value"].notna().any() for measure, *_ in PANELS):
        raise NothingToDraw("accuracy and ECE need labels, and the images have none")
    figure = Figure(figsize=(style.WIDE, 0.75 + 0.22 * len(tables.of_models)))
    parts = []
    all_axes = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (measure, words, form) in zip(all_axes, PANELS, strict=True):
        rows = tables.headline(measure)
        drawing.row_bars(axes, tables, rows, form)
        axes.set_xlabel(words)
        parts.append(estimates(tables.of_models, rows).assign(measure=measure))
    all_axes[0].set_xlim(0, 1)
    return figure, pd.concat(parts, ignore_index=True)


def fig_reliability(tables: Tables) -> Drawing:
    """A reliability diagram for the first seed of each condition."""
    shown, table = drawing.first_models(tables, tables["reliability"])
    if not shown:
        raise NothingToDraw("the tables hold no confidence bins")
    drawn = shown[:MAX_PANELS]
    figure, all_axes = drawing.panels(len(drawn), COLUMNS, height=1.85)
    ece = tables.headline("ece").set_index("model")["value"]
    for axes, condition in zip(all_axes, drawn, strict=True):
        bins = table[table["model"] == condition.models[0]]
        _reliability(axes, bins.sort_values("bin"))
        error = ece.get(condition.models[0], math.nan)
        axes.set_title(f"{drawing.label(condition)}\nECE {error:.3f}")
    figure.supxlabel("Confidence", fontsize=style.RC["axes.labelsize"])
    figure.supylabel("Accuracy", fontsize=style.RC["axes.labelsize"])
    return figure, table


def _reliability(axes, bins: pd.DataFrame) -> None:
    filled = bins[bins["n"] > 0]
    left, width = filled["low"].to_numpy(), (filled["high"] - filled["low"]).to_numpy()
    accuracy, confidence = filled["accuracy"].to_numpy(), filled["confidence"].to_numpy()
    axes.bar(left, accuracy, width, align="edge", color=style.SKY, edgecolor="white", lw=0.4)
    bottom = np.minimum(accuracy, confidence)
    gap = np.abs(accuracy - confidence)
    axes.bar(
        left,
        gap,
        width,
        bottom,
        align="edge",
        facecolor="none",
        edgecolor=style.VERMILION,
        hatch="//////",
        lw=0.5,
    )
    share = bins["n"].to_numpy() / max(bins["n"].sum(), 1)
    edges = np.append(bins["low"].to_numpy(), bins["high"].to_numpy()[-1])
    axes.stairs(share, edges, color=style.BLACK, lw=0.8)
    axes.plot([0, 1], [0, 1], color=style.BLACK, lw=0.7, ls="--")
    axes.set(xlim=(0, 1), ylim=(0, 1), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    axes.set_aspect("equal")
