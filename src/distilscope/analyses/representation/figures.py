"""How alike the layers of the models are."""

from __future__ import annotations

import numpy as np
import pandas as pd

from distilscope.reporting import style
from distilscope.reporting.cells import Cell
from distilscope.reporting.figures import Drawing, drawing, heading
from distilscope.reporting.tables import Tables

COLUMNS = 4
MOST_PANELS = 24
PAIR = ["model", "reference", "layer", "reference_layer"]
BESIDE = (
    *(("cka_biased", "gap"), ("cka_biased_null", "gap")),
    *(("mutual_knn", "gap"), ("mutual_knn_null", "gap"), ("cka_debiased", "flatten")),
)


def fig_cka(tables: Tables) -> Drawing:
    """Debiased CKA of every layer pair with the teacher, a panel a recipe (its first seed)."""
    rows = tables.layer_pairs("cka_debiased")
    found = [(cell, rows[rows["model"] == cell.models[0]]) for cell in tables.cells]
    found = [(cell, own) for cell, own in found if own["value"].notna().any()]
    if not found:
        why = "no similarity of layers was measured against a teacher"
        return style.empty(heading("cka", tables), why, tables.scale)
    drawn = found[:MOST_PANELS]
    widest = max(own["layer"].nunique() for _, own in drawn)
    columns = COLUMNS if widest <= 6 else 2
    tallest = max(own["reference_layer"].nunique() for _, own in drawn)
    figure, all_axes = drawing.panels(len(drawn), columns, height=0.75 + 0.24 * tallest)
    style.title(figure, heading("cka", tables), tables.scale)
    shared = len({frozenset(own["reference_layer"]) for _, own in drawn}) == 1
    for position, (axes, (cell, own)) in enumerate(zip(all_axes, drawn, strict=True)):
        mesh = _panel(axes, cell, own, numbers=widest <= 6)
        if shared and position % columns:
            axes.set_yticklabels([])
    figure.supylabel("Layer of the teacher", fontsize=style.RC["axes.labelsize"])
    figure.colorbar(mesh, ax=all_axes, shrink=0.6, aspect=25, label="Debiased CKA", pad=0.02)
    return figure, _numbers(found, tables)


def _panel(axes, cell: Cell, own: pd.DataFrame, *, numbers: bool):
    table = own.pivot_table(
        index="reference_layer", columns="layer", values="value", dropna=False, sort=False
    )
    rows, columns = (list(dict.fromkeys(own[name])) for name in ("reference_layer", "layer"))
    values = table.reindex(index=rows, columns=columns).to_numpy(dtype=float)
    mesh = drawing.heatmap(axes, values, 0.0, 1.0, numbers=numbers)
    names = [style.printable(str(name), "?", 10) for name in (*columns, *rows)]
    turn = 0 if max(map(len, names[: len(columns)]), default=0) * len(columns) < 18 else 60
    axes.set_xticks(np.arange(len(columns)), names[: len(columns)], rotation=turn, fontsize=6)
    axes.set_yticks(np.arange(len(rows)), names[len(columns) :], fontsize=6)
    axes.set_title(drawing.label(cell))
    return mesh


def _numbers(found: list[tuple[Cell, pd.DataFrame]], tables: Tables) -> pd.DataFrame:
    """What is drawn, and beside it the other measures of the same layer pairs that there are."""
    columns = [*PAIR, "value", "low", "high", "n", "reason"]
    parts = [own.assign(label=cell.label)[["label", *columns]] for cell, own in found]
    drawn = pd.concat(parts, ignore_index=True)
    for measure, reduction in BESIDE:
        rows = tables.layer_pairs(measure, reduction)
        if len(rows):
            name = measure if reduction == "gap" else f"{measure}_{reduction}"
            drawn = drawn.merge(
                rows[[*PAIR, "value"]].rename(columns={"value": name}), "left", PAIR
            )
    return drawn
