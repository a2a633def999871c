"""What reasoning found, in sentences."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from distilscope.analyses.reasoning.figures.beside import RELATIONS
from distilscope.analyses.reasoning.task_table import ALL
from distilscope.reporting.conditions import Condition, Estimate, estimate, span, students_called
from distilscope.reporting.formatting import number
from distilscope.reporting.tables import Tables


def answer(tables: Tables) -> list[str]:
    """Whether students gain, agree with their teacher beyond being right, and copy it."""
    return [*_gain(tables), *_of_given(tables), *_of_planted(tables)]


def _gain(tables: Tables) -> list[str]:
    tests = tables["reasoning_tests"]
    own = tests[tests["task"] == ALL]
    if not len(own):
        return []
    row = own.iloc[0]
    value, low, high = (number(100 * row[name], "{:.1f}") for name in ("value", "low", "high"))
    ends = f" [{low}, {high}]" if row["low"] == row["low"] else ""
    said = [
        f"Distilled students gain {value}{ends} percentage points of exact answers over students "
        "on labels only, averaged over objectives (each at its lowest temperature, no ablations)."
    ]
    rows = tables["reasoning_tasks"]
    rows = rows[(rows["task"] == ALL) & rows["relation"].isin(RELATIONS)]
    by_role = rows.groupby("role")["answer_agreement_excess"].mean()
    if {"student", "control"} <= set(by_role.dropna().index):
        said.append(
            "Agreement with the teacher beyond both accuracies: distilled "
            f"{by_role['student']:.3f}, labels only {by_role['control']:.3f}."
        )
    return said


def _of_given(tables: Tables) -> list[str]:
    """Whether students that somebody has choose as their teacher does, also where it is wrong."""
    given = [condition for condition in tables.of_role("student") if condition.given]
    beyond = _defined(given, tables.headline("choice_agreement_excess"))
    if not beyond:
        return []
    points = span(beyond, lambda share: number(100 * share, "{:.1f}"))
    said = (
        f"{students_called(beyond).capitalize()} agree with the teacher's choices on {points} "
        "percentage points more of the items than both accuracies let expect."
    )
    rows = tables.of("choice_agreement")
    rows = tables.one_each(rows[rows["headline"] & (rows["subset"] == "reference-wrong")])
    copied, floors = _defined(given, rows), _defined(tables.of_role("floor"), rows)
    if not copied:
        return [said]
    beside = f", and an untrained network {span(floors, _percent)}" if floors else ""
    return [said, f"Of its wrong choices they make {span(copied, _percent)}{beside}."]


def _defined(conditions: Iterable[Condition], rows: pd.DataFrame) -> dict[Condition, Estimate]:
    found = {condition: estimate(condition, rows) for condition in conditions}
    return {condition: own for condition, own in found.items() if own.defined}


def _of_planted(tables: Tables) -> list[str]:
    rows = tables["reasoning_tasks"]
    rows = rows[(rows["task"] == ALL) & rows["relation"].isin(RELATIONS)]
    who, found = students_called(tables.of_role("student")), []
    for measure, what in (
        ("planted_errors_copied", "the teacher's planted errors"),
        ("planted_choices_copied", "the same among the choices"),
        ("procedure_copied", "the steps of the teacher's other procedure"),
    ):
        known = rows[rows[measure].notna()]
        means = known.groupby("role")[measure].mean()
        named = [("student", who), ("control", "students on labels only")]
        said = [f"{words} {100 * means[role]:.0f} %" for role, words in named if role in means]
        if said:
            found.append(f"Of {what} are copied: {', '.join(said)}.")
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
