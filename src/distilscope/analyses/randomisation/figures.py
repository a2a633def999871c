"""Whether explanations depend on the weights: maps under randomisation, layer by layer."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from distilscope.reporting import names, style
from distilscope.reporting.figures import Drawing, NothingToDraw, drawing
from distilscope.reporting.tables import Tables

MODES = {"cascade": (style.BLUE, "o"), "independent": (style.ORANGE, "s")}
MEASURES = {"rho_abs": ("absolute values", "-"), "rho": ("with their sign", "--")}
COLUMNS = 3
MAX_PANELS = 12


def fig_randomisation(tables: Tables) -> Drawing:
    """Likeness to the trained model's maps over the depth of randomisation, a panel a method."""
    rows = tables["randomisation"]
    if not rows["value"].notna().any():
        raise NothingToDraw("no map of this study has an order")
    groups = list(rows.groupby(["method", "layer"], sort=False))[:MAX_PANELS]
    figure, all_axes = drawing.panels(len(groups), COLUMNS, height=2.1)
    for axes, ((method, layer), own) in zip(all_axes, groups, strict=True):
        _panel(axes, own)
        words = names.method(method)
        axes.set_title(words if layer == "input" else f"{words}, {style.printable(layer, '?')}")
    figure.supylabel("ρ with the trained model's map", fontsize=style.RC["axes.labelsize"])
    _legend(figure, set(rows["mode"]))
    return figure, rows.drop(columns="study", errors="ignore").reset_index(drop=True)


def _panel(axes, own: pd.DataFrame) -> None:
    axes.axhline(0, color=style.BLACK, lw=0.6)
    for (mode, measure), line in own.groupby(["mode", "measure"], sort=False):
        line = line.sort_values("depth")
        color, marker = MODES[mode]
        looks = {"color": color, "marker": marker, "ls": MEASURES[measure][1], "ms": 3}
        axes.plot(line["depth"], line["value"], **looks)
        if measure == "rho_abs":
            axes.fill_between(line["depth"], line["low"], line["high"], color=color, alpha=0.15)
    random = own.drop_duplicates("depth").sort_values("depth")
    labels = [style.printable(str(name), "?", 10) for name in random["randomised"]]
    axes.set_xticks(random["depth"], labels, rotation=30, ha="right")
    axes.set_ylim(min(-0.1, own["value"].min(), own["low"].min()) - 0.02, 1.02)
    axes.grid(axis="y", color=style.PALE, lw=0.4)


def _legend(figure: Figure, modes: set[str]) -> None:
    handles = [
        Line2D([], [], color=color, marker=marker, ls="", ms=4, label=mode)
        for mode, (color, marker) in MODES.items()
        if mode in modes
    ]
    handles += [
        Line2D([], [], color=style.GREY, ls=line, label=label) for label, line in MEASURES.values()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
