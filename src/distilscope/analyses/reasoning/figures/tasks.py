"""Which tasks are solved, and on which students gain."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from distilscope.analyses.reasoning.figures.beside import SHOWN
from distilscope.analyses.reasoning.task_table import ALL
from distilscope.reporting import style
from distilscope.reporting.figures import Drawing, NothingToDraw, drawing
from distilscope.reporting.tables import Tables


def fig_tasks(tables: Tables) -> Drawing:
    """Exact accuracy: conditions down, tasks across."""
    return _heatmap(tables, "exact_accuracy", ("teacher", "twin", *SHOWN, "floor"), 0.0, 1.0)


def fig_gains(tables: Tables) -> Drawing:
    """Improvement over the control: students down, tasks across, one scale on both sides of 0."""
    rows = tables["reasoning_tasks"]
    largest = np.nanmax([0.05, *rows["improvement"].abs()]) if len(rows) else 0.05
    return _heatmap(tables, "improvement", ("student", "twin-taught"), -largest, largest)


def _heatmap(
    tables: Tables, measure: str, roles: tuple[str, ...], low: float, high: float
) -> Drawing:
    rows = tables["reasoning_tasks"].drop_duplicates(["condition", "task"])
    shown = [c for c in tables.of_role(*roles) if c.key in set(rows["condition"])]
    values = rows.pivot(index="condition", columns="task", values=measure)
    tasks = [task for task in dict.fromkeys(rows["task"]) if task != ALL]
    values = values.reindex(index=[c.key for c in shown], columns=[ALL, *tasks])
    kept = values.notna().any(axis=1).to_numpy()
    if not kept.any():
        raise NothingToDraw(f"no model has a number of {measure}")
    shown = [each for each, keep in zip(shown, kept, strict=True) if keep]
    values = values[kept]
    figure = Figure(figsize=(style.WIDE, 1.0 + 0.2 * len(shown)))
    axes = figure.subplots()
    drawing.heatmap(axes, values.to_numpy(np.float64), low, high, numbers=True)
    axes.set_yticks(range(len(shown)), [drawing.label(each, 40) for each in shown])
    axes.set_xticks(range(len(tasks) + 1), [ALL, *tasks], rotation=35, ha="left")
    axes.xaxis.tick_top()
    axes.axvline(0.5, color="white", lw=2)
    return figure, _long(values, measure)


def _long(values: pd.DataFrame, measure: str) -> pd.DataFrame:
    long = values.stack(future_stack=True).rename("value").reset_index()
    return long.assign(measure=measure)
