"""What students gain where the scores on labels only are alike.

A gain falls with the control's score by construction: who is right on labels only has nothing to
gain. So students of different size are compared at one score, by an analysis of covariance over
tasks. The score is that of controls under other seeds, which shares no error with the gain.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np

from distilscope.analyses.reasoning.model_rows import NO_CONTROL, accuracy_by_task, control_of
from distilscope.analyses.reasoning.said import Questions
from distilscope.measuring.entries import Entry
from distilscope.measuring.rows import Rows

Key = TypeVar("Key", bound=Hashable)

ONE_SEED = "the study has no control of this network under another seed"
ONE_NETWORK = "no other network learns so, with which the gain could be compared"
NO_SPREAD = "scores on labels only are equal on all tasks"


def add_held(questions: Questions, rows: Rows) -> None:
    """`improvement_held` of every student: see `adjusted`."""
    together: dict[tuple, list[Entry]] = {}
    for entry in questions.study.entries:
        if entry.role == "student":
            known = questions.study.conditions[entry.condition]
            own = (known.objective, known.parameters, known.teachers, known.combine, entry.seed)
            together.setdefault(own, []).append(entry)
    for entries in together.values():
        _add(questions, rows, entries)


def _add(questions: Questions, rows: Rows, entries: list[Entry]) -> None:
    """Of the students of one objective, teacher and seed, a network each."""
    gains, before, missing = {}, {}, {}
    for entry in entries:
        control, others = control_of(questions, entry), _under_other_seeds(questions, entry)
        if control is None or not others:
            missing[entry] = NO_CONTROL if control is None else ONE_SEED
            continue
        score = accuracy_by_task(questions, control.id)
        gains[entry] = accuracy_by_task(questions, entry.id) - score
        before[entry] = np.mean([accuracy_by_task(questions, each) for each in others], axis=0)
    found = adjusted(gains, before)
    for entry in entries:
        value = found.get(entry, np.nan)
        why = missing.get(entry) or (ONE_NETWORK if len(gains) < 2 else NO_SPREAD)
        n = len(questions.groups)
        reason = None if np.isfinite(value) else why
        rows.add(entry, "improvement_held", value, n=n, reason=reason, subset="all")


def _under_other_seeds(questions: Questions, entry: Entry) -> list[str]:
    return [
        other.id
        for other in questions.study.entries
        if other.role == "control" and other.network == entry.network and other.seed != entry.seed
    ]


def adjusted(gains: Mapping[Key, np.ndarray], before: Mapping[Key, np.ndarray]) -> dict[Key, float]:
    """The mean gain of each group at the mean score of all: adjusted means (Fisher 1932).

    mean(gain) - b (mean(before) - grand mean of before), b being the slope within groups. Nothing
    of fewer than two groups; NaN where no group's score varies.

    Args:
        gains, before: group -> (tasks,).
    """
    if len(gains) < 2:
        return {}
    centred = {key: before[key] - before[key].mean() for key in gains}
    spread = sum(float(each @ each) for each in centred.values())
    together = sum(float(centred[key] @ gains[key]) for key in gains)
    slope = together / spread if spread > 0 else np.nan
    grand = np.mean([before[key].mean() for key in gains])
    return {key: float(gains[key].mean() - slope * (before[key].mean() - grand)) for key in gains}
