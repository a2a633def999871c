"""Rows of numbers that every item has: their means, over all items and by task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from distilscope.analyses.reasoning.said import Questions
from distilscope.measuring.entries import Compared, Entry
from distilscope.measuring.rows import Rows
from distilscope.statistics import bootstrap

NO_TRACES = "no task of the study has worked solutions"
NO_CHOICES = "no task of the study has choices"
NOT_PLANTED = "no item of the study has a planted version"


def add_means(
    questions: Questions,
    rows: Rows,
    who: Entry | Compared,
    columns: Mapping[str, np.ndarray],
    reasons: Mapping[str, str],
    **place: Any,
) -> None:
    """The mean of each column (N,) over its items that have a value, and the same by task.

    A task of which no item has one gets no row. `reasons` says why no item at all has one.
    """
    study = questions.study
    values = np.column_stack(list(columns.values()))
    found = bootstrap.means(values, study.draw(len(values)), study.level)
    why = [None if n else reasons.get(name) for name, n in zip(columns, found.n, strict=True)]
    place = {"subset": "all", **place}
    rows.add_estimates(who, list(columns), found, why, **place)
    groups = questions.groups
    every = np.arange(len(values))
    by_task = bootstrap.means_by_group(
        values, list(groups.values()), every, study.draw(len(values)), study.level
    )
    for task, own in zip(groups, by_task, strict=True):
        place = {**place, "task": task, "headline": False}
        rows.add_estimates(who, list(columns), own, undefined=False, **place)


def spread(questions: Questions, values: np.ndarray) -> np.ndarray:
    """(N,) of (M,) values of the items with choices; NaN for all others."""
    found = np.full(len(questions.items), np.nan)
    found[questions.chosen] = values
    return found


def where(condition: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values where a condition holds, else NaN."""
    return np.where(condition, np.asarray(values, np.float64), np.nan)
