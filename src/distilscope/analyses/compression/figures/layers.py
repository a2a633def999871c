"""Signal-to-noise ratio and CKA by layer."""

from __future__ import annotations

import pandas as pd
from matplotlib.lines import Line2D

from distilscope.analyses.compression import shown
from distilscope.analyses.compression.ladders import Rung
from distilscope.reporting import style
from distilscope.reporting.figures import Drawing, NothingToDraw, drawing
from distilscope.reporting.tables import Tables

PANELS = {
    "layer_snr": "signal-to-noise ratio (dB)",
    "cka_debiased": "CKA with the original",
}
MAX_ORIGINALS = 4
KEPT = ["model", "reference", "layer", "measure", "value", "low", "high", "n", "reason"]


def fig_layers(tables: Tables) -> Drawing:
    """A row of panels an original: a line for each compressed model over the layers."""
    ladders = shown.of_study(tables)
    rows = pd.concat([shown.layer_rows(tables, measure) for measure in PANELS])
    if not rows["value"].notna().any():
        raise NothingToDraw("no layer of a compressed model differs from the original's")
    ways = list(shown.looks(tables))
    originals = list(dict.fromkeys(original for original, _ in ladders))[:MAX_ORIGINALS]
    every = sorted(
        (rung for own in ladders.values() for rung in own),
        key=lambda rung: (ways.index(rung.way), rung.severity),
    )
    labels = dict.fromkeys(rung.label for rung in every)
    looks = {label: _look(place) for place, label in enumerate(labels)}
    figure, all_axes = drawing.panels(2 * len(originals), 2, height=2.4)
    for place, original in enumerate(originals):
        rungs = [r for (name, _), own in ladders.items() if name == original for r in own]
        for axes, measure in zip(all_axes[2 * place : 2 * place + 2], PANELS, strict=True):
            own = rows[(rows["reference"] == original) & (rows["measure"] == measure)]
            _panel(axes, own, rungs, looks)
            axes.set_ylabel(PANELS[measure])
            axes.set_title(style.printable(original, "original", 40))
    handles = [Line2D([], [], label=label, **look) for label, look in looks.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure, rows[KEPT].reset_index(drop=True)


def _look(place: int) -> dict[str, str]:
    colours, markers = style.SERIES_COLOURS, style.MARKERS
    marker = markers[(place // len(colours)) % len(markers)]
    return {"color": colours[place % len(colours)], "marker": marker}


def _panel(axes, rows: pd.DataFrame, rungs: list[Rung], looks: dict[str, dict[str, str]]) -> None:
    layers = list(dict.fromkeys(rows["layer"]))
    for rung in rungs:
        own = rows[rows["model"] == rung.model].set_index("layer").reindex(layers)
        look = looks[rung.label]
        axes.plot(range(len(layers)), own["value"], **look)
        low, high = own["low"].astype(float), own["high"].astype(float)
        axes.fill_between(range(len(layers)), low, high, color=look["color"], alpha=0.15)
    labels = [style.printable(name, "?", 10) for name in layers]
    axes.set_xticks(range(len(layers)), labels, rotation=30, ha="right")
    axes.grid(axis="y", color=style.PALE, lw=0.4)
