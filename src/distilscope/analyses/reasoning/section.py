"""Reasoning as the page shows it: who gains, who agrees beyond being right, who copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from distilscope.analyses.reasoning.figures.beside import RELATIONS
from distilscope.analyses.reasoning.task_table import ALL
from distilscope.reporting.formatting import number
from distilscope.reporting.grid import Grid
from distilscope.reporting.tables import Tables
from distilscope.words import listed

UNIT = (
    "The unit is the trained model: a student's number is its mean over items, and intervals "
    "of students are over seeds. Excess agreement is that beyond what both accuracies let expect "
    "within each task. Items differ in difficulty, which adds to it: read it beside the student on "
    "labels only and the teacher's twin."
)
FIDELITY = {
    "exact_accuracy": ("Exact, %", "{:.1f}", 100),
    "answer_agreement": ("Agreement, %", "{:.1f}", 100),
    "answer_agreement_excess": ("Excess", "{:.3f}", 1),
    "choice_agreement_excess": ("Excess, choices", "{:.3f}", 1),
    "step_fidelity": ("Steps", "{:.3f}", 1),
    "step_fidelity_null": ("Steps, null", "{:.3f}", 1),
    "choice_kl": ("KL, choices", "{:.3f}", 1),
    "token_kl": ("KL, gold text", "{:.3f}", 1),
}
PLANTED = {
    "planted_errors_copied": ("Errors copied, %", "{:.1f}", 100),
    "planted_choices_copied": ("in choices, %", "{:.1f}", 100),
    "planted_choices_copied_null": ("its null, %", "{:.1f}", 100),
    "planted_errors": ("Planted errors made, %", "{:.1f}", 100),
    "procedure_copied": ("Procedure copied, %", "{:.1f}", 100),
    "other_procedure_steps": ("Steps of it, %", "{:.1f}", 100),
}
CHOICES = {
    "choice_accuracy": ("Choice, %", "{:.1f}", 100),
    "question_free_accuracy": ("Without the question, %", "{:.1f}", 100),
    "unparsed": ("No answer read, %", "{:.1f}", 100),
}
LEARNING_RATES = (
    "Each arm of each network tried so many learning rates under {seeds}, of which nothing else is "
    "reported, and took the one with the highest held-out accuracy of tokens{mean}."
)
COPIED = ("planted_errors_copied", "planted_choices_copied", "procedure_copied")


def context(tables: Tables) -> Mapping[str, Any]:
    """The section: sentences, and five tables."""
    rows = tables["reasoning_tasks"]
    rows = rows[rows["task"] == ALL]
    beside = rows[rows["relation"].isin(RELATIONS)]
    planted = beside[beside[list(COPIED)].notna().any(axis=1)]
    alone = rows.drop_duplicates("condition").assign(reference=None)
    return {
        "sentences": [UNIT, *on_rates(tables)],
        "fidelity": _grid("Fidelity to the teacher", tables, beside, FIDELITY),
        "planted": _grid("What was planted in the teacher", tables, planted, PLANTED),
        "tests": _tests(tables["reasoning_tests"]),
        "choices": _grid("Choices", tables, alone, CHOICES),
        "tuning": _tuning(tables),
    }


def _grid(
    label: str, tables: Tables, rows: pd.DataFrame, columns: Mapping[str, tuple[str, str, float]]
) -> Grid:
    order = {condition.key: place for place, condition in enumerate(tables.conditions)}
    equals = {condition.network: condition.label for condition in tables.of_role("twin")}
    known = [row for row in rows.to_dict("records") if row["condition"] in order]
    known.sort(key=lambda row: (str(row["reference"]), order[row["condition"]]))
    return Grid(
        label,
        ("Model", "Beside", "Seeds", *(title for title, _, _ in columns.values())),
        [
            (
                (equals if row["role"] == "teacher" else {}).get(row["reference"], row["label"]),
                row["reference"] or "–",
                str(row["seeds"]),
                *(number(times * row[name], form) for name, (_, form, times) in columns.items()),
            )
            for row in known
        ],
        caption="Means over seeds, over all test items.",
        words=("Model", "Beside"),
    )


def _tests(rows: pd.DataFrame) -> Grid:
    return Grid(
        "Do students gain?",
        (
            *("Task", "Gain, points", "95 % interval", "p", "Seeds", "Teachers"),
            *("As published", "its t", "its p", "its rows"),
        ),
        [_test(row) for row in rows.to_dict("records")],
        caption="Over seeds, all conditions of a seed averaged but ablations, each at its lowest "
        "temperature. As published: the best temperature on test items, a one-sided t test over "
        "rows that share teachers, students and controls.",
        words=("Task",),
    )


def _test(row: Mapping[str, Any]) -> Sequence[str]:
    known = row["low"] == row["low"]
    return (
        row["task"],
        number(100 * row["value"], "{:.1f}"),
        f"{100 * row['low']:.1f} to {100 * row['high']:.1f}" if known else "–",
        number(row["p"], "{:.2g}"),
        str(row["seeds"]),
        str(row["teachers"]),
        number(100 * row["published_value"], "{:.1f}"),
        number(row["published_t"], "{:.2f}"),
        number(row["published_p"], "{:.2g}"),
        str(row["published_rows"]),
    )


def on_rates(tables: Tables) -> list[str]:
    """Which learning rates of the grid another did better than, and which best ones are the lowest
    or the highest that was tried, so that a better one may lie beyond; neither is silent.
    """
    rows, found = tables["reasoning_tuning"], []
    for (student, arm), own in rows.groupby(["student", "arm"], sort=False):
        (best,), (used,) = (own["lr"][own[name].astype(bool)].unique() for name in ("best", "used"))
        if used != best:
            accuracy = 100 * own.groupby("lr")["held_out_accuracy"].mean()
            found.append(
                f"{student} by {arm} has a learning rate of {used:g}, and {best:g} did better on "
                f"held-out items ({accuracy[best]:.1f} against {accuracy[used]:.1f} % of tokens): "
                f"set `lr` in the grid."
            )
        elif best in (own["lr"].min(), own["lr"].max()):
            which = "lowest" if best == own["lr"].min() else "highest"
            found.append(
                f"{student} by {arm} did best at the {which} learning rate that was tried, "
                f"{best:g}: a better one may lie beyond."
            )
    return found


def _over_seeds(accuracy: pd.Series | None) -> str:
    """Its mean in percent, with the range where there are several."""
    if accuracy is None:
        return "–"
    mean, low, high = (100 * value for value in (accuracy.mean(), accuracy.min(), accuracy.max()))
    return f"{mean:.1f}" + (f" ({low:.1f} to {high:.1f})" if len(accuracy) > 1 else "")


def _tuning(tables: Tables) -> Grid | None:
    """A row for each arm and network, a column for each learning rate that was tried."""
    rows = tables["reasoning_tuning"]
    if rows.empty:
        return None
    rates = sorted(rows["lr"].unique())
    made = []
    for (student, arm), own in rows.groupby(["student", "arm"], sort=False):
        by_rate = dict(list(own.groupby("lr")["held_out_accuracy"]))
        made.append(
            (
                *(student, arm, own["teachers"].iloc[0] or "–"),
                *(_over_seeds(by_rate.get(rate)) for rate in rates),
                f"{own['lr'][own['used'].astype(bool)].iloc[0]:g}",
            )
        )
    seeds = sorted(rows["seed"].unique())
    return Grid(
        "Learning rates",
        ("Network", "Arm", "From", *(f"{rate:g}, held-out %" for rate in rates), "Used"),
        made,
        caption=LEARNING_RATES.format(
            seeds=f"{'seeds' if len(seeds) > 1 else 'seed'} {listed([*map(str, seeds)])}",
            mean=", in the mean over seeds" if len(seeds) > 1 else "",
        ),
        words=("Network", "Arm", "From"),
    )
