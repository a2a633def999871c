"""How the models were trained."""

from __future__ import annotations

from itertools import cycle

from matplotlib import ticker
from matplotlib.figure import Figure

from distilscope.reporting import style
from distilscope.reporting.cells import Cell
from distilscope.reporting.figures import Drawing, drawing, heading
from distilscope.reporting.tables import Tables

PANELS = (("loss", "Training loss"), ("held_out_accuracy", "Held-out accuracy"))
DASHES = ((0, ()), (0, (4, 1.5)), (0, (1, 1)), (0, (4, 1.2, 1, 1.2)))


def fig_training(tables: Tables) -> Drawing:
    """Loss and held-out accuracy over epochs for the first seed of each recipe."""
    trained = set(tables.histories["model"])
    shown = [cell for cell in tables.cells if cell.models[0] in trained]
    if not shown:
        why = "no model of this study was trained"
        return style.empty(heading("training", tables), why, tables.scale)
    figure = Figure(figsize=(style.WIDE, 2.9))
    style.title(figure, heading("training", tables), tables.scale)
    looks = _looks(shown)
    all_axes = figure.subplots(1, len(PANELS))
    for axes, (column, words) in zip(all_axes, PANELS, strict=True):
        for cell in shown:
            curve = tables.histories[tables.histories["model"] == cell.models[0]]
            curve = curve.sort_values("epoch")
            axes.plot(curve["epoch"], curve[column], label=drawing.label(cell), **looks[cell])
        axes.set_title(words)
        axes.set_xlabel("Epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    if (tables.histories["loss"].dropna() > 0).all():
        _log_scale(all_axes[0])
    handles = all_axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside right center")
    labels = {cell.models[0]: cell.label for cell in shown}
    numbers = tables.histories[tables.histories["model"].isin(labels)]
    return figure, numbers.assign(label=numbers["model"].map(labels)).reset_index(drop=True)


def _log_scale(axes) -> None:
    """Ticks at 1, 2 and 5 of each decade, in plain digits."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(ticker.NullFormatter())


def _looks(cells: list[Cell]) -> dict[Cell, dict]:
    """A colour for each architecture and a dash for each recipe of it."""
    colours, dashes, found = cycle(style.SERIES_COLOURS[:-1]), {}, {}
    palette: dict[str, str] = {}
    for cell in cells:
        family = "" if cell.role in ("teacher", "twin") else cell.student
        if family not in palette:
            palette[family] = next(colours) if family else style.BLACK
            dashes[family] = cycle(DASHES)
        found[cell] = {"color": palette[family], "ls": next(dashes[family])}
    return found
