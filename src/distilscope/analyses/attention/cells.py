"""Each way of teaching in a row: its augmentations, and the numbers that may go together."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from distilscope.measuring.study import PROBE, Study
from distilscope.planning.conditions import Condition

OWN, OF_REFERENCE = "own", "reference"
NUMBERS = {
    "accuracy": OWN,
    "overfitting_gap": OWN,
    "overfitting_gap_own_views": OWN,
    "published_ece": OWN,
    "prediction_entropy": OWN,
    "teachers_overlap_batch": OWN,
    "teachers_overlap_specific": OWN,
    "teachers_area": OWN,
    "overlap_batch": OF_REFERENCE,
    "overlap_specific": OF_REFERENCE,
    "fidelity": OF_REFERENCE,
    "kl_from_reference": OF_REFERENCE,
    "mutual_information_corrected": OF_REFERENCE,
}
"""The numbers of a cell: of the student alone, or beside its teacher or committee."""

CELLS = (
    *("condition", "label", "role", "student_views", "teachers", "teacher_views", "objective"),
    *("parameters", "combine", "seeds", *NUMBERS),
)
TAUGHT = ("student", "training-mode-taught")
"""Roles of those that learn from teachers: the second is an ablation, in rows of its own."""

RELATIONS = ("committee", "teacher")
"""What a student is measured beside: its committee, or its one teacher."""

JOINED = " + "
"""Between the augmentations of a student's teachers."""


def table(study: Study, measures: pd.DataFrame) -> pd.DataFrame:
    """A row for each condition of students and of students on labels only: means over seeds.

    Args:
        measures: the table, of which the rows of test images that stand for their measure count.
    """
    rows = measures[measures["headline"] & (measures["probe"] == PROBE) & measures["class"].isna()]
    rows = rows[rows["measure"].isin(NUMBERS) & (rows["subset"] == "all")]
    labels = study.job.settings["conditions"]
    views = {c.network: c.views for c in study.conditions.values() if c.role == "teacher"}
    records = [
        {
            **_of(condition, views),
            "condition": name,
            "label": labels[name]["label"],
            "seeds": sum(entry.condition == name for entry in study.entries),
            **_numbers(rows[rows["condition"] == name], condition),
        }
        for name, condition in study.conditions.items()
        if condition.role in (*TAUGHT, "control")
    ]
    return pd.DataFrame.from_records(records, columns=CELLS)


def _of(condition: Condition, views: dict[str, str | None]) -> dict[str, Any]:
    own = [views.get(teacher.partition(".")[0]) or "" for teacher in condition.teachers]
    return {
        "role": condition.role,
        "student_views": condition.views,
        "teachers": json.dumps(list(condition.teachers)),
        "teacher_views": JOINED.join(sorted(own)) or None,
        "objective": condition.objective,
        "parameters": json.dumps(dict(condition.parameters)),
        "combine": condition.combine,
    }


def _numbers(rows: pd.DataFrame, condition: Condition) -> dict[str, float]:
    """NaN where a seed has none, and of students on labels only beside any teacher."""
    found = {}
    for name, kind in NUMBERS.items():
        own = rows[rows["measure"] == name]
        if kind == OF_REFERENCE:
            there = set(own["relation"]) if condition.role in TAUGHT else set()
            relation = next((each for each in RELATIONS if each in there), None)
            own = own[own["relation"] == relation]
        found[name] = float(own["value"].mean(skipna=False)) if len(own) else np.nan
    return found
