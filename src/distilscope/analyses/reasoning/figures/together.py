"""What goes with the gain over students: scores of the control and the teacher, and fidelity."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from distilscope.analyses.reasoning.figures.beside import rows_beside
from distilscope.reporting import style
from distilscope.reporting.figures import Drawing, NothingToDraw
from distilscope.reporting.tables import Tables
from distilscope.statistics import ranks

PANELS = {
    "control_accuracy": "labels only, exact accuracy",
    "reference_accuracy": "teacher's exact accuracy",
    "answer_agreement_excess": "agreement beyond accuracies",
    "step_fidelity": "teacher's steps taken",
}
FEWEST = 5
"""Marks that a correlation is written of."""


def fig_together(tables: Tables) -> Drawing:
    """A panel for each number that the gain may go with, a mark a condition, a colour an objective.

    In each panel rho, and rho with the control's score held fixed.
    """
    rows = _students(tables)
    if not rows["improvement"].notna().any():
        raise NothingToDraw("no student has a control of its network and seed")
    figure = Figure(figsize=(style.WIDE, 4.2))
    axes = figure.subplots(2, 2, sharey=True).ravel()
    objectives = list(dict.fromkeys(rows["objective"]))
    networks = list(dict.fromkeys(rows.sort_values("parameters")["network"]))
    for place, (name, words) in zip(axes, PANELS.items(), strict=True):
        for row in rows.itertuples():
            place.plot(
                getattr(row, name),
                100 * row.improvement,
                ls="",
                color=style.SERIES_COLOURS[objectives.index(row.objective) % 7],
                marker=style.MARKERS[networks.index(row.network) % 7],
            )
        place.set_xlabel(words)
        place.locator_params(axis="x", nbins=5)
        place.set_title(_said(rows, name))
        place.axhline(0, color=style.GREY, lw=0.5)
        place.grid(color=style.PALE, lw=0.4)
    for left in axes[::2]:
        left.set_ylabel("improvement, points")
    handles = [
        axes[0].plot([], [], ls="", marker="o", color=style.SERIES_COLOURS[i % 7], label=name)[0]
        for i, name in enumerate(objectives)
    ] + [
        axes[0].plot([], [], ls="", marker=style.MARKERS[i % 7], color=style.GREY, label=name)[0]
        for i, name in enumerate(networks)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=6)
    return figure, rows


def _students(tables: Tables) -> pd.DataFrame:
    beside = [name for name in PANELS if name != "control_accuracy"]
    rows = [row for row in rows_beside(tables, beside) if row.condition.role == "student"]
    own = {
        name: tables.headline(name).groupby("condition")["value"].mean()
        for name in ("improvement", "control_accuracy")
    }
    records = [
        {
            "condition": row.condition.key,
            "network": row.condition.network,
            "objective": row.condition.row["objective"],
            "parameters": row.condition.parameters,
            "reference": row.reference,
            **{name: found.get(row.condition.key, np.nan) for name, found in own.items()},
            **{name: row.numbers[name].value if name in row.numbers else np.nan for name in beside},
        }
        for row in rows
    ]
    names = ["condition", "network", "objective", "parameters", "reference", *own, *beside]
    return pd.DataFrame.from_records(records, columns=list(dict.fromkeys(names)))


def _said(rows: pd.DataFrame, name: str) -> str:
    numbers = {each: rows[each].to_numpy(np.float64) for each in ("improvement", name)}
    if sum(~np.isnan(sum(numbers.values()))) < FEWEST:
        return ""
    rho = ranks.spearman(*numbers.values())
    if name == "control_accuracy":
        return "" if np.isnan(rho) else f"ρ = {rho:.2f}"
    held = ranks.spearman(*numbers.values(), [rows["control_accuracy"].to_numpy(np.float64)])
    said = [(rho, "ρ = {:.2f}"), (held, "labels only held fixed: {:.2f}")]
    return ", ".join(form.format(value) for value, form in said if value == value)
