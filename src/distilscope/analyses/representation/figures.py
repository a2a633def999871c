"""How alike the layers of the models are."""

from __future__ import annotations

import numpy as np
import pandas as pd

from distilscope.reporting import style
from distilscope.reporting.conditions import Condition
from distilscope.reporting.figures import Drawing, NothingToDraw, drawing
from distilscope.reporting.tables import Tables

COLUMNS = 4
TITLE = 17
"""Letters of a title that fit a panel, of four side by side."""
MAX_PANELS = 24
PAIR = ["model", "reference", "layer", "reference_layer"]
BESIDE = (
    *(("cka_biased", "gap"), ("cka_biased_null", "gap")),
    *(("mutual_knn", "gap"), ("mutual_knn_null", "gap"), ("cka_debiased", "flatten")),
)


def layer_pairs(tables: Tables, measure: str, reduction: str = "gap") -> pd.DataFrame:
    """Rows of a measure of layer pairs, against the model's own teacher.

    `reduction` is what was done to the features: `gap` (pooled) or `flatten`.
    """
    rows = tables.of(measure)
    rows = rows[rows["layer"].notna() & rows["reference_layer"].notna()]
    chosen = rows["resolution"] == reduction
    if reduction == "gap":
        chosen |= rows["resolution"].isna()
    return tables.against_own(rows[chosen])


def fig_cka(tables: Tables) -> Drawing:
    """Debiased CKA of every layer pair with the teacher, a panel a condition (its first seed)."""
    rows = layer_pairs(tables, "cka_debiased")
    found = [(one, rows[rows["model"] == one.models[0]]) for one in tables.conditions]
    found = [(one, own) for one, own in found if own["value"].notna().any()]
    if not found:
        raise NothingToDraw("no similarity of layers to a teacher's is defined")
    drawn = found[:MAX_PANELS]
    widest = max(own["layer"].nunique() for _, own in drawn)
    longest = max(len(drawing.label(one)) for one, _ in drawn)
    columns = COLUMNS if widest <= 6 else 2
    if longest > TITLE:  # of four panels side by side, the titles would meet
        columns = min(columns, 3)
    tallest = max(own["reference_layer"].nunique() for _, own in drawn)
    figure, all_axes = drawing.panels(len(drawn), columns, height=0.75 + 0.24 * tallest)
    shared = len({frozenset(own["reference_layer"]) for _, own in drawn}) == 1
    for position, (axes, (condition, own)) in enumerate(zip(all_axes, drawn, strict=True)):
        mesh = _panel(axes, condition, own, numbers=widest <= 6)
        if shared and position % columns:
            axes.set_yticklabels([])
    figure.supylabel("Layer of the teacher", fontsize=style.RC["axes.labelsize"])
    figure.colorbar(mesh, ax=all_axes, shrink=0.6, aspect=25, label="Debiased CKA", pad=0.02)
    return figure, _numbers(found, tables)


def _panel(axes, condition: Condition, own: pd.DataFrame, *, numbers: bool):
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
    axes.set_title(drawing.label(condition))
    return mesh


def _numbers(found: list[tuple[Condition, pd.DataFrame]], tables: Tables) -> pd.DataFrame:
    """What is drawn, and beside it the other measures of the same layer pairs that there are."""
    columns = [*PAIR, "value", "low", "high", "n", "reason"]
    parts = [own.assign(label=one.label)[["label", *columns]] for one, own in found]
    drawn = pd.concat(parts, ignore_index=True)
    for measure, reduction in BESIDE:
        rows = layer_pairs(tables, measure, reduction)
        if len(rows):
            name = measure if reduction == "gap" else f"{measure}_{reduction}"
            drawn = drawn.merge(
                rows[[*PAIR, "value"]].rename(columns={"value": name}), "left", PAIR
            )
    return drawn
