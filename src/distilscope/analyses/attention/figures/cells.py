"""Every way of teaching in a row: numbers shaded by column."""

from __future__ import annotations

import json
import math

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from distilscope.analyses.attention.strengths import order
from distilscope.planning.labels import TAUGHT_WORDS
from distilscope.reporting import style
from distilscope.reporting.figures import Drawing, NothingToDraw
from distilscope.reporting.tables import Tables

COLUMNS = {
    "accuracy": "accuracy\n%",
    "overfitting_gap": "gap\n%",
    "teachers_overlap_batch": "teachers'\noverlap",
    "teachers_overlap_specific": "specific\noverlap",
    "overlap_batch": "student's\noverlap",
    "fidelity": "fidelity\n%",
    "kl_from_reference": "KL\nnats",
    "mutual_information_corrected": "MI\nnats",
}
PERCENT = ("accuracy", "overfitting_gap", "fidelity")


def fig_cells(tables: Tables) -> Drawing:
    """Rows by the student's augmentation, then by its teachers'."""
    rows = arranged(tables["attention_cells"])
    if not rows["accuracy"].notna().any():
        raise NothingToDraw("the study has no students")
    values = rows[list(COLUMNS)].to_numpy(np.float64)
    figure = Figure(figsize=(style.WIDE, 1.0 + 0.2 * len(rows)))
    axes = figure.subplots()
    scale = matplotlib.colormaps[style.HEATMAP]
    for column, name in enumerate(COLUMNS):
        own = values[:, column]
        low, high = (np.nanmin(own), np.nanmax(own)) if np.isfinite(own).any() else (0.0, 1.0)
        for row, value in enumerate(own):
            _cell(axes, column, row, value, (value - low) / (high - low or 1), name, scale)
    axes.set(xlim=(-0.5, len(COLUMNS) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xticks(range(len(COLUMNS)), COLUMNS.values())
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(rows)), [style.printable(x, "student", 60) for x in rows["words"]])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure, rows.drop(columns="words").reset_index(drop=True)


def _cell(axes, column: int, row: int, value: float, share: float, name: str, scale) -> None:
    if not math.isfinite(value):
        axes.text(column, row, "–", ha="center", va="center", color=style.GREY, fontsize=6.5)
        return
    corner = (column - 0.48, row - 0.46)
    axes.add_patch(matplotlib.patches.Rectangle(corner, 0.96, 0.92, color=scale(share), lw=0))
    text = f"{100 * value:.1f}" if name in PERCENT else f"{value:.3f}"
    ink = "white" if share < 0.5 else "black"
    axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=6.5)


def arranged(rows: pd.DataFrame) -> pd.DataFrame:
    """The cells in the order of the figure, with words for each."""
    keys = [
        (order(r["student_views"]), r["role"] != "control", *_teachers(r["teacher_views"]), i)
        for i, r in enumerate(rows.to_dict("records"))
    ]
    rows = rows.iloc[sorted(range(len(rows)), key=lambda i: keys[i])]
    return rows.assign(words=[words(r) for r in rows.to_dict("records")])


def _teachers(views: str | None) -> tuple:
    own = views.split(" + ") if isinstance(views, str) else []
    return len(own), [order(each) for each in own]


def words(row: dict) -> str:
    """`strong from weak + strong, kd`: the student's augmentation, its teachers' and objective."""
    student = row["student_views"] or "unknown"
    if row["role"] == "control":
        return f"{student}, labels only"
    known = isinstance(row["combine"], str) and row["combine"] != "losses"
    combine = f"by mean {row['combine']}" if known else ""
    said = " ".join(filter(None, [f"{student} from {row['teacher_views']},", way(row), combine]))
    otherwise = TAUGHT_WORDS.get(row["role"])
    return f"{said}, {otherwise}" if otherwise else said


def way(row: dict) -> str:
    """`kd T=3 alpha=0.4`: the objective with its parameters."""
    own = json.loads(row["parameters"])
    return " ".join([row["objective"], *(f"{name}={value:g}" for name, value in own.items())])
