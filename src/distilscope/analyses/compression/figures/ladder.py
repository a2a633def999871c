"""Consistency against accuracy: where a ladder leaves the original's reasons."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

from distilscope.analyses.compression import shown
from distilscope.analyses.compression.ladders import Rung
from distilscope.reporting import style
from distilscope.reporting.figures import Drawing, NothingToDraw, drawing
from distilscope.reporting.tables import Tables

COLUMNS = ("original", "way", "model", "value", "accuracy", "accuracy_low", "accuracy_high")
LIKENESS = ("image_specific_rho", "image_specific_rho_low", "image_specific_rho_high", "reason")

PLACES = (
    *((5, 3, "left"), (-5, 3, "right"), (5, -9, "left"), (-5, -9, "right")),
    *((0, 8, "center"), (0, -14, "center")),
)
"""Where a name may stand: points to the right of its point and above it, and its anchor."""
POINT = 4.0
"""Half of a point's width, in points."""


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
    figure.draw_without_rendering()  # so that what is where is known
    for axes, original in zip(all_axes, originals, strict=True):
        _name_points(axes, table[table["original"] == original])
    return figure, table


def _name_points(axes, table: pd.DataFrame) -> None:
    """Write beside each point what it is, where that hides no other point and no other name."""
    known = table.dropna(subset=["accuracy", "image_specific_rho"])
    points = known[["accuracy", "image_specific_rho"]].to_numpy(float)
    whole = [line for line in axes.get_lines() if line.get_label() == "original"]
    half = POINT * axes.figure.dpi / 72
    drawn = axes.transData.transform([*points, *(line.get_xydata()[0] for line in whole)])
    taken = [Bbox.from_extents(*(at - half), *(at + half)) for at in drawn]
    inside = axes.get_window_extent()
    for at, text in zip(points, known["value"], strict=True):
        note = axes.annotate(text, at, (0, 0), textcoords="offset points", fontsize=6)
        note.set_in_layout(False)
        note.set_path_effects([withStroke(linewidth=2, foreground="white")])  # over lines
        for across, up, side in PLACES:
            note.xyann = (across, up)
            note.set_ha(side)
            box = note.get_window_extent()
            within = all(inside.contains(*corner) for corner in (box.min, box.max))
            if within and not box.count_overlaps(taken):
                taken.append(box)
                break
        else:
            note.remove()


def _panel(axes, tables: Tables, original: str, own: dict[str, list[Rung]]) -> list[tuple]:
    records = []
    looks = shown.looks(tables)
    for way, rungs in own.items():
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
        for accuracy, likeness, _ in points:
            errors = {
                "xerr": np.array(drawing.bounds(accuracy)).reshape(2, 1),
                "yerr": np.array(drawing.bounds(likeness)).reshape(2, 1),
            }
            at = accuracy.value, likeness.value
            axes.errorbar(*at, **errors, fmt="none", ecolor=color, elinewidth=0.7, alpha=0.7)
    whole = shown.alone(tables, "accuracy", original)
    axes.plot(whole.value, 1.0, marker="*", ms=9, ls="", color=style.BLACK, label="original")
    _stand_in(axes, tables, original)
    axes.margins(0.1)
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
