"""Consistency against accuracy: where a ladder leaves the original's reasons."""

from __future__ import annotations

import numpy as np
import pandas as pd

from distilscope.analyses.compression import shown
from distilscope.analyses.compression.ladders import Rung
from distilscope.reporting import style
from distilscope.reporting.figures import Drawing, NothingToDraw, drawing
from distilscope.reporting.tables import Tables

COLUMNS = ("original", "way", "model", "value", "accuracy", "accuracy_low", "accuracy_high")
LIKENESS = ("image_specific_rho", "image_specific_rho_low", "image_specific_rho_high", "reason")


def fig_ladder(tables: Tables) -> Drawing:
    """Image-specific ρ with the original over accuracy, a panel an original."""
    ladders = shown.of_study(tables)
    originals = list(dict.fromkeys(original for original, _ in ladders))
    figure, all_axes = drawing.panels(len(originals), min(2, len(originals)), height=2.7)
    records = []
    for axes, original in zip(all_axes, originals, strict=True):
        own = {way: rungs for (name, way), rungs in ladders.items() if name == original}
        records += _panel(axes, tables, original, own)
    table = pd.DataFrame.from_records(records, columns=[*COLUMNS, *LIKENESS])
    if not table["image_specific_rho"].notna().any():
        raise NothingToDraw(_why(table))
    found = {}
    for axes in all_axes:
        handles, labels = axes.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    figure.legend(found.values(), found, loc="outside lower center", ncols=4)
    return figure, table


def _panel(axes, tables: Tables, original: str, own: dict[str, list[Rung]]) -> list[tuple]:
    records = []
    looks = shown.looks(tables)
    for place, (way, rungs) in enumerate(own.items()):
        color, marker = looks[way]
        points = []
        for rung in rungs:
            accuracy = shown.alone(tables, "accuracy", rung.model)
            likeness = shown.beside_original(tables, shown.LIKENESS, rung.model)
            records.append((original, way, rung.model, rung.label, *_three(accuracy)))
            records[-1] += (*_three(likeness), likeness.reason)
            if likeness.defined:
                points.append((accuracy, likeness, rung))
        xs, ys = [a.value for a, _, _ in points], [y.value for _, y, _ in points]
        axes.plot(xs, ys, color=color, marker=marker, label=way.replace("_", " "))
        for number, (accuracy, likeness, rung) in enumerate(points):
            errors = {
                "xerr": np.array(drawing.bounds(accuracy)).reshape(2, 1),
                "yerr": np.array(drawing.bounds(likeness)).reshape(2, 1),
            }
            at = accuracy.value, likeness.value
            axes.errorbar(*at, **errors, fmt="none", ecolor=color, elinewidth=0.7, alpha=0.7)
            side = (4, "left") if number % 2 == 0 else (-4, "right")
            below = 3 - 7 * place  # ladders meet at the original
            offset = {"textcoords": "offset points", "ha": side[1]}
            axes.annotate(rung.label, at, (side[0], below), **offset, fontsize=6)
    whole = shown.alone(tables, "accuracy", original)
    axes.plot(whole.value, 1.0, marker="*", ms=9, ls="", color=style.BLACK, label="original")
    _stand_in(axes, tables, original)
    axes.set(xlabel="accuracy", ylabel="image-specific ρ with the original")
    axes.set_title(style.printable(original, "original", 40))
    axes.grid(color=style.PALE, lw=0.4)
    return records


def _stand_in(axes, tables: Tables, original: str) -> None:
    """How like itself the original is under small changes of the input."""
    rows = tables.of(shown.LIKENESS)
    rows = rows[(rows["relation"] == "stand-in") & (rows["reference"] == original)]
    rows = rows[rows["headline"] & rows["class"].isna()]
    found = shown.one(rows, tables.subset)
    if found.defined:
        axes.axhline(found.value, color=style.GREY, ls="--", lw=0.8, label="stand-in")


def _three(found) -> tuple[float, float, float]:
    return found.value, found.low, found.high


def _why(table: pd.DataFrame) -> str:
    reasons = [text for text in table["reason"] if text]
    return reasons[0] if reasons else "no map of a compressed model was compared with its original"
