"""How the models were trained."""

from __future__ import annotations

from itertools import cycle, product

from matplotlib import ticker
from matplotlib.figure import Figure

from distilscope.reporting import style
from distilscope.reporting.conditions import Condition
from distilscope.reporting.figures import Drawing, NothingToDraw, drawing
from distilscope.reporting.tables import Tables

PANELS = (("loss", "Training loss"), ("held_out_accuracy", "Held-out accuracy"))
DASHES = ((0, ()), (0, (4, 1.5)), (0, (1, 1)), (0, (4, 1.2, 1, 1.2)))
MARKS = ("", "o", "s", "^", "D", "v")


def fig_training(tables: Tables) -> Drawing:
    """Loss and held-out accuracy over epochs for the first seed of each condition."""
    shown, histories = drawing.first_models(tables, tables["histories"])
    if not shown:
        raise NothingToDraw("no model of this study was trained")
    figure = Figure(figsize=(style.WIDE, 2.9))
    looks = _looks(shown)
    all_axes = figure.subplots(1, len(PANELS))
    for axes, (column, words) in zip(all_axes, PANELS, strict=True):
        for one in shown:
            curve = histories[histories["model"] == one.models[0]].sort_values("epoch")
            axes.plot(curve["epoch"], curve[column], label=drawing.label(one), **looks[one])
        axes.set_title(words)
        axes.set_xlabel("Epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    if (tables["histories"]["loss"].dropna() > 0).all():
        _log_scale(all_axes[0])
    drawing.legend_beside(figure, *all_axes[0].get_legend_handles_labels())
    return figure, histories


def _log_scale(axes) -> None:
    """Ticks at 1, 2 and 5 of each decade, in plain digits."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(ticker.NullFormatter())


def _looks(shown: list[Condition]) -> dict[Condition, dict]:
    """A colour for each network, a dash for each condition of it, and marks where dashes recur."""
    colours, lines, found = cycle(style.SERIES_COLOURS[:-1]), {}, {}
    palette: dict[str, str] = {}
    for condition in shown:
        family = "" if condition.role in ("teacher", "twin") else condition.network
        if family not in palette:
            palette[family] = next(colours) if family else style.BLACK
            lines[family] = cycle(product(MARKS, DASHES))
        mark, dash = next(lines[family])
        found[condition] = {"color": palette[family], "ls": dash, "marker": mark, "ms": 3}
    return found
