"""Where models look, part by part."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from distilscope.analyses.parts.rows import headline, importance
from distilscope.reporting import names, style
from distilscope.reporting.conditions import Condition
from distilscope.reporting.figures import Drawing, drawing
from distilscope.reporting.tables import Tables

MAX_PARTS = 24


def fig_parts(tables: Tables) -> Drawing:
    """Mean importance of each part to each model, and what it costs the teacher to lose it."""
    chosen, rows = headline(tables), tables["parts"]
    rows = rows[(rows["method"] == chosen["method"]) & (rows["variant"] == chosen["variant"])]
    parts = list(dict.fromkeys(rows.loc[rows["n"] > 0, "part"]))[:MAX_PARTS]
    lines = _lines(tables, rows)
    values = np.array([[line.get(part, np.nan) for part in parts] for line in lines.values()])
    figure = Figure(figsize=(style.WIDE, 1.0 + 0.19 * len(lines)))
    axes = figure.subplots()
    finite = values[np.isfinite(values)]
    high = float(finite.max()) if finite.size else 1.0
    low = min(0.0, float(finite.min())) if finite.size else 0.0
    mesh = drawing.heatmap(axes, values, low, high, numbers=len(parts) <= 14)
    labels = [style.printable(part, f"part {i + 1}", 12) for i, part in enumerate(parts)]
    axes.set_xticks(range(len(parts)), labels, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(lines)), list(lines))
    axes.set_title(f"{names.method(chosen['method'])}, {importance(chosen['variant'])}")
    figure.colorbar(mesh, ax=axes, shrink=0.8, aspect=18, pad=0.01, label="mean importance")
    return figure, rows.drop(columns="study", errors="ignore").reset_index(drop=True)


def _lines(tables: Tables, rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Label -> part -> number: the share of the pixels, the teacher, then every other condition.

    The teacher's numbers are over the images of its first comparison, and so is the area.
    """
    first = rows[rows["model"] == rows["model"].iloc[0]].set_index("part")
    found = {"Share of the pixels": first["area"].to_dict()}
    found["Teacher"] = first["reference_importance"].to_dict()
    for condition in tables.conditions:
        own = _of_condition(rows, condition)
        if condition.role != "teacher" and len(own):
            found[drawing.label(condition)] = own.to_dict()
    return found


def _of_condition(rows: pd.DataFrame, condition: Condition) -> pd.Series:
    own = rows[rows["model"].isin(condition.models)]
    return own.groupby("part", sort=False)["importance"].mean()
