"""What covering an area costs each model."""

from __future__ import annotations

import pandas as pd
from matplotlib.lines import Line2D

from distilscope.reporting import style
from distilscope.reporting.conditions import Condition, estimate
from distilscope.reporting.figures import Drawing, NothingToDraw, drawing
from distilscope.reporting.tables import Tables

AREAS = {
    "top": ("the teacher's area", style.VERMILION, "o"),
    "random": ("as much at random", style.GREY, "s"),
    "centre": ("as much in the middle", style.SKY, "^"),
}
APART = 0.18
COLUMNS = ("model", "condition", "area", "value", "low", "high", "interval", "n", "reason")


def fig_masking(tables: Tables) -> Drawing:
    """Falls of the probability by area, and the excess of the teacher's, a line a condition."""
    conditions = tables.of_models
    figure, (left, right) = drawing.panels(2, 2, height=0.4 + 0.27 * len(conditions))
    records = []
    for offset, (area, (_, color, marker)) in zip((-APART, 0, APART), AREAS.items(), strict=True):
        rows = rows_of(tables, "masking_drop", area)
        records += _points(left, conditions, rows, offset, color, marker, area)
    rows = rows_of(tables, "masking_excess", None)
    records += _points(right, conditions, rows, 0.0, style.BLUE, "D", "excess")
    table = pd.DataFrame.from_records(records, columns=list(COLUMNS))
    if not table["value"].notna().any():
        raise NothingToDraw("no image is right for both and has an area that can be covered")
    drawing.name_rows(left, conditions)
    drawing.name_rows(right, conditions)
    right.set_yticklabels([])
    left.set_xlabel("fall of the probability")
    right.set_xlabel("the teacher's area less the others")
    for axes in (left, right):
        axes.axvline(0, color=style.BLACK, lw=0.6)
        axes.grid(axis="x", color=style.PALE, lw=0.4)
    handles = [
        Line2D([], [], color=color, marker=marker, ls="", label=words)
        for words, color, marker in AREAS.values()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure, table


def rows_of(tables: Tables, measure: str, area: str | None) -> pd.DataFrame:
    """A row a model: a measure for an area, beside the model's own teacher."""
    rows = tables.of(measure)
    rows = rows[rows["variant"].isna() if area is None else rows["variant"] == area]
    return rows.drop_duplicates("model")


def _points(
    axes,
    conditions: list[Condition],
    rows: pd.DataFrame,
    offset: float,
    color: str,
    marker: str,
    area: str,
) -> list[tuple]:
    records = []
    for place, condition in enumerate(conditions):
        found = estimate(condition, rows)
        numbers = (found.value, found.low, found.high, found.over, found.n, found.reason)
        records.append((condition.label, condition.key, area, *numbers))
        if found.defined:
            drawing.whiskers(axes, place + offset, found, horizontal=True, color=color)
            axes.plot(found.value, place + offset, marker=marker, color=color, ms=4, ls="")
    return records
