"""What several figures draw: rows of bars, points with intervals, heatmaps, grids of panels."""

from __future__ import annotations

import math
import textwrap

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from distilscope.reporting import style
from distilscope.reporting.conditions import Condition, Estimate, estimate
from distilscope.reporting.tables import Tables

LINE = 36
"""Letters of a label that a row has room for."""


def label(condition: Condition, width: int = 24) -> str:
    """A condition's label as a figure can show it."""
    model = condition.models[0].encode("ascii", "replace").decode()
    return style.printable(condition.label, model, width)


def panels(count: int, columns: int, height: float) -> tuple[Figure, list]:
    """A figure of full width with `count` panels in rows of `columns`, the rest left empty."""
    rows = max(1, math.ceil(count / columns))
    figure = Figure(figsize=(style.WIDE, 0.35 + height * rows))
    grid = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    for axes in grid[count:]:
        axes.set_axis_off()
    return figure, list(grid[:count])


def legend_beside(figure: Figure, handles: list, labels: list[str]) -> None:
    """A legend at the right of all panels; the figure becomes as high as its entries need."""
    legend = figure.legend(handles, labels, loc="outside right center")
    figure.draw_without_rendering()  # what says how high it is
    needed = legend.get_window_extent().height / figure.dpi
    figure.set_figheight(max(figure.get_figheight(), needed + 0.1))


def first_models(tables: Tables, table: pd.DataFrame) -> tuple[list[Condition], pd.DataFrame]:
    """The conditions whose first model has rows in a table, and these rows, labelled."""
    labels = {condition.models[0]: condition.label for condition in tables.conditions}
    rows = table[table["model"].isin(list(labels))]
    there = set(rows["model"])
    shown = [condition for condition in tables.conditions if condition.models[0] in there]
    return shown, rows.assign(label=rows["model"].map(labels))


def bounds(found: Estimate) -> tuple[float, float]:
    """Lengths of the interval below and above the value; 0 where there is no interval."""
    below, above = found.value - found.low, found.high - found.value
    return tuple(max(0.0, side) if math.isfinite(side) else 0.0 for side in (below, above))


def row_bars(axes, tables: Tables, rows: pd.DataFrame, form: str) -> None:
    """A horizontal bar for each condition of models, with interval, seeds and the number."""
    ends = [0.0]
    for place, condition in enumerate(tables.of_models):
        found = estimate(condition, rows)
        if not found.defined:
            axes.text(0.01, place, "undefined", va="center", color=style.GREY, style="italic")
            continue
        end = found.value + bounds(found)[1]
        axes.barh(place, found.value, height=0.66, color=style.colour(condition))
        whiskers(axes, place, found, horizontal=True)
        axes.annotate(
            form.format(found.value),
            (end, place),
            (3, 0),
            textcoords="offset points",
            va="center",
            fontsize=6.5,
            annotation_clip=False,  # an interval may end beyond the axis
        )
        ends.append(end)
    axes.set_xlim(0, max(ends) * 1.16 or 1)
    name_rows(axes, tables.of_models)


def name_rows(axes, conditions: list[Condition]) -> None:
    """The conditions' labels down the left side, the first on top; a long one in two lines."""
    names = [textwrap.wrap(label(condition, 2 * LINE), LINE) for condition in conditions]
    axes.set_yticks(range(len(conditions)), ["\n".join(lines) for lines in names])
    for tick, lines in zip(axes.yaxis.get_major_ticks(len(names)), names, strict=True):
        if len(lines) > 1:
            tick.label1.set(fontsize=0.8 * style.RC["ytick.labelsize"], linespacing=0.9)
    axes.set_ylim(len(conditions) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def whiskers(axes, place: float, found: Estimate, *, horizontal: bool, color="black") -> None:
    """The interval as a line, and a small dot for each seed where there are several."""
    error = np.array(bounds(found)).reshape(2, 1)
    if error.any():
        position = (found.value, place) if horizontal else (place, found.value)
        side = {"xerr" if horizontal else "yerr": error}
        axes.errorbar(*position, **side, fmt="none", ecolor=color, elinewidth=0.9, capsize=1.5)
    if len(found.each) > 1:
        places = np.full(len(found.each), place)
        points = (found.each, places) if horizontal else (places, found.each)
        axes.plot(*points, ls="", marker=".", ms=2.5, color="white", mec="black", mew=0.4)


def heatmap(axes, values: np.ndarray, low: float, high: float, *, numbers: bool, size=6.0):
    """Fields in a colour-blind-safe scale, the number in each, a cross where it is undefined."""
    scale = matplotlib.colormaps[style.HEATMAP]
    clipped = np.clip(values, low, high)
    rows, columns = values.shape
    mesh = axes.pcolormesh(
        np.arange(columns + 1) - 0.5,
        np.arange(rows + 1) - 0.5,
        np.ma.masked_invalid(clipped),
        cmap=scale,
        vmin=low,
        vmax=high,
        edgecolors="white",
        linewidth=0.4,
    )
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    for (row, column), value in np.ndenumerate(values):
        if not math.isfinite(value):
            axes.text(column, row, "×", ha="center", va="center", color=style.GREY, fontsize=size)
        elif numbers:
            shade = (min(max(value, low), high) - low) / max(high - low, 1e-9)
            ink = "white" if shade < 0.5 else "black"
            text = f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=size)
    return mesh
