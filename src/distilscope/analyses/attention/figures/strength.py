"""Numbers over the strength of the teachers' augmentation."""

from __future__ import annotations

import json

import pandas as pd
from matplotlib.figure import Figure

from distilscope.analyses.attention.figures.own import beside_own
from distilscope.analyses.attention.strengths import order, strength
from distilscope.reporting import style
from distilscope.reporting.conditions import Condition, estimate
from distilscope.reporting.figures import Drawing, NothingToDraw
from distilscope.reporting.tables import Tables

PANELS = {
    "teachers_overlap_batch": "teachers' overlap, as published",
    "overfitting_gap": "overfitting gap",
    "fidelity": "fidelity",
    "accuracy": "test accuracy",
}


def fig_strength(tables: Tables) -> Drawing:
    """A panel a number, a line for each student that learns from two teachers of one strength."""
    rows = _rows(tables)
    if not len(rows) or not rows["value"].notna().any():
        raise NothingToDraw("no student learned from teachers of one strength")
    students = sorted(set(rows["student_views"]), key=order)
    figure = Figure(figsize=(style.WIDE, 3.9))
    axes = figure.subplots(2, 2, sharex=True).ravel()
    for place, (measure, words) in zip(axes, PANELS.items(), strict=True):
        for number, views in enumerate(students):
            own = rows[(rows["measure"] == measure) & (rows["student_views"] == views)]
            own = own.sort_values("strength")
            error = [(own["value"] - own["low"]).fillna(0), (own["high"] - own["value"]).fillna(0)]
            place.errorbar(
                own["strength"] + 0.01 * number,
                own["value"],
                yerr=error,
                color=style.SERIES_COLOURS[number],
                marker=style.MARKERS[number],
                label=f"student: {views}",
                lw=0.9,
            )
        place.set_title(words)
        place.grid(axis="y", color=style.PALE, lw=0.4)
    for place in axes[2:]:
        place.set_xlabel("strength of the teachers' augmentation")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure, rows.reset_index(drop=True)


def _rows(tables: Tables) -> pd.DataFrame:
    """Of the commonest way of teaching by several teachers of one strength."""
    levels = {c.network: strength(c.row["views"]) for c in tables.of_role("teacher")}
    found = [c for c in tables.of_role("student") if _level(c, levels) is not None]
    ways = [_way(c) for c in found]
    most = max(ways, key=ways.count, default=None)
    records = []
    for measure in PANELS:
        numbers = beside_own(tables, measure)
        for condition in (c for c, way in zip(found, ways, strict=True) if way == most):
            own = estimate(condition, numbers)
            records.append(
                {
                    "measure": measure,
                    "student_views": str(condition.row["views"]),
                    "strength": _level(condition, levels),
                    "value": own.value,
                    "low": own.low,
                    "high": own.high,
                }
            )
    return pd.DataFrame.from_records(
        records, columns=["measure", "student_views", "strength", "value", "low", "high"]
    )


def _way(condition: Condition) -> tuple:
    return condition.row["objective"], condition.row["parameters"], condition.row["combine"]


def _level(condition: Condition, levels: dict[str, float | None]) -> float | None:
    """The strength that all of several teachers have; None where they differ."""
    own = {levels.get(t.partition(".")[0]) for t in json.loads(condition.row["teachers"])}
    several = len(json.loads(condition.row["teachers"])) > 1
    return own.pop() if several and len(own) == 1 else None
