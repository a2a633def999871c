"""Student accuracy over the two temperatures of asymmetric scaling."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from distilscope.reporting import style
from distilscope.reporting.conditions import estimate
from distilscope.reporting.figures import Drawing, NothingToDraw, drawing
from distilscope.reporting.tables import Tables

COLUMNS = 2


def fig_asymmetric(tables: Tables) -> Drawing:
    """A heatmap for each student and for the smallest and the largest teacher."""
    rows = _rows(tables)
    if not len(rows):
        raise NothingToDraw("no student was trained with `ats`")
    sizes = {c.network: c.parameters for c in tables.of_role("teacher")}
    order = sorted(sizes, key=lambda name: (sizes[name], name))
    rows = rows[rows["teacher"].isin([order[0], order[-1]])]
    groups = list(rows.groupby(["student", "teacher"], sort=False))
    low, high = rows["accuracy"].min(), rows["accuracy"].max()
    figure, panels = drawing.panels(len(groups), COLUMNS, height=2.2)
    for axes, ((student, teacher), own) in zip(panels, groups, strict=True):
        table = own.pivot_table(index="tau_true", columns="tau_rest", values="accuracy")
        values = 100 * table.to_numpy(np.float64)
        drawing.heatmap(axes, values, 100 * low, max(100 * high, 100 * low + 1e-9), numbers=True)
        axes.set_yticks(range(len(table)), [f"{value:g}" for value in table.index])
        axes.set_xticks(range(table.shape[1]), [f"{value:g}" for value in table.columns])
        axes.set(xlabel="τ of the wrong classes", ylabel="τ of the label")
        names = (style.printable(student, "student"), style.printable(teacher, "teacher"))
        axes.set_title(f"{names[0]} from {names[1]}, %")
    return figure, rows.reset_index(drop=True)


def _rows(tables: Tables) -> pd.DataFrame:
    accuracy, records = tables.headline("accuracy"), []
    for condition in tables.of_role("student"):
        if condition.row["objective"] != "ats":
            continue
        parameters = json.loads(condition.row["parameters"])
        teachers = json.loads(condition.row["teachers"])
        records.append(
            {
                "student": condition.network,
                "teacher": teachers[0] if len(teachers) == 1 else None,
                "tau_true": parameters["tau_true"],
                "tau_rest": parameters["tau_rest"],
                "accuracy": estimate(condition, accuracy).value,
            }
        )
    columns = ["student", "teacher", "tau_true", "tau_rest", "accuracy"]
    return pd.DataFrame.from_records(records, columns=columns)
