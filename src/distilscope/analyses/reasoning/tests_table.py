"""Do students gain? The test as published, and the one whose unit is the trained model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from distilscope.analyses.reasoning.task_table import ALL
from distilscope.measuring.study import PROBE, Study
from distilscope.statistics.contrasts import Contrast

COLUMNS = (
    *("task", "value", "low", "high", "p", "seeds", "conditions", "teachers"),
    *(
        "teachers_low",
        "teachers_high",
        "published_value",
        "published_t",
        "published_p",
        "published_rows",
        "reason",
    ),
)
ERROR_RATE = 0.05
CHOSEN_ON_TEST = "T"
"""The parameter whose best value the published test picks on the test items, row by row."""


def table(
    study: Study, measures: pd.DataFrame, ablations: Sequence[Mapping[str, Any]] = ()
) -> pd.DataFrame:
    """A row a task, and one of all: the students' improvement over their controls.

    `value` is the mean over seeds of the mean over conditions, of those that were trained under
    the most seeds, each at the lowest of its temperatures; `low`, `high` and `p` those of the t
    test over seeds; with several teachers `teachers_low` and `teachers_high` have the teacher as
    the unit. Under `published_` is what the published analysis would say of the same numbers: a
    one-sided t test over student, teacher and objective, each at the temperature that is best on
    the test items; its rows share teachers, students and controls, and are not independent.

    Args:
        measures: the table. ablations: patterns of conditions that are no way to distil, left out.
    """
    rows = measures[(measures["measure"] == "improvement") & (measures["probe"] == PROBE)]
    rows = rows.assign(task=rows["task"].fillna(ALL))
    students = {
        name
        for name, own in study.conditions.items()
        if own.role == "student" and not any(own.matches(pattern) for pattern in ablations)
    }
    rows = rows[rows["condition"].isin(students) & rows["value"].notna()]
    tasks = [ALL, *(task for task in dict.fromkeys(rows["task"]) if task != ALL)]
    records = [
        {
            "task": task,
            **_ours(study, rows[rows["task"] == task]),
            **_as_published(study, rows[rows["task"] == task]),
        }
        for task in (tasks if len(rows) else ())
    ]
    return pd.DataFrame.from_records(records, columns=COLUMNS)


def _ours(study: Study, rows: pd.DataFrame) -> dict[str, Any]:
    rows = rows[rows["condition"].isin(_at_lowest(study, rows["condition"].unique()))]
    values = rows.pivot(index="seed", columns="condition", values="value")
    values = values.loc[:, values.notna().sum() == values.notna().sum().max()].dropna()
    names = [_teacher(study, name) for name in values.columns]
    by_teacher = {
        name: values.loc[:, [own == name for own in names]].mean(axis=1).to_numpy()
        for name in dict.fromkeys(names)
    }
    contrast = Contrast(values.mean(axis=1).to_numpy(np.float64), by_teacher=by_teacher)
    low, high = contrast.interval(ERROR_RATE)
    over = contrast.over_teachers(ERROR_RATE) or (np.nan, np.nan)
    return {
        "value": contrast.value,
        "low": low,
        "high": high,
        "p": contrast.p(0.0),
        "seeds": contrast.n,
        "conditions": values.shape[1],
        "teachers": len(by_teacher),
        "teachers_low": over[0],
        "teachers_high": over[1],
        "reason": contrast.unavailable,
    }


def _at_lowest(study: Study, names: Iterable[str]) -> set[str]:
    """Of conditions that differ in temperature alone the one with the lowest: none is picked by
    its result.
    """
    found: dict[tuple, tuple[float, str]] = {}
    for name in names:
        at = dict(study.conditions[name].parameters).get(CHOSEN_ON_TEST, 0.0), name
        found[_row(study, name)] = min(found.get(_row(study, name), at), at)
    return {name for _, name in found.values()}


def _teacher(study: Study, condition: str) -> str:
    """The teachers that a condition learns from, as one name."""
    return " + ".join(study.conditions[condition].teachers)


def _as_published(study: Study, rows: pd.DataFrame) -> dict[str, Any]:
    best: dict[tuple, float] = {}
    for name, value in rows.groupby("condition")["value"].mean().items():
        key = _row(study, name)
        best[key] = max(best.get(key, -np.inf), value)
    values = np.array(list(best.values()))
    tested = len(values) > 1 and np.ptp(values) > 0
    found = stats.ttest_1samp(values, 0.0, alternative="greater") if tested else None
    return {
        "published_value": float(values.mean()) if len(values) else np.nan,
        "published_t": float(found.statistic) if found else np.nan,
        "published_p": float(found.pvalue) if found else np.nan,
        "published_rows": len(values),
    }


def _row(study: Study, condition: str) -> tuple:
    """All that makes a row of the published table: everything but the temperature."""
    own = study.conditions[condition]
    kept = {name: value for name, value in own.parameters if name != CHOSEN_ON_TEST}
    fields: Mapping[str, Any] = {**vars(own), "parameters": tuple(kept.items())}
    return tuple(
        fields[name] for name in ("network", "teachers", "objective", "parameters", "combine")
    )
