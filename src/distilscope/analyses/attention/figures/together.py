"""What goes together over the ways of teaching: scatter plots with rank correlations."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from distilscope.analyses.attention.strengths import order
from distilscope.reporting import style
from distilscope.reporting.figures import Drawing, NothingToDraw
from distilscope.reporting.tables import Tables
from distilscope.statistics.statements import spearman

PANELS = (
    ("teachers_overlap_batch", "overfitting_gap"),
    ("teachers_overlap_batch", "accuracy"),
    ("fidelity", "accuracy"),
    ("mutual_information_corrected", "accuracy"),
)
WORDS = {
    "teachers_overlap_batch": "teachers' overlap, as published",
    "overfitting_gap": "overfitting gap",
    "accuracy": "test accuracy",
    "fidelity": "fidelity",
    "mutual_information_corrected": "mutual information, nats",
}
FEWEST = 4
"""Marks that a correlation is written of."""


def fig_together(tables: Tables) -> Drawing:
    """A panel for each two numbers, a mark a way of teaching, a colour a student's augmentation."""
    rows = students(tables["attention_cells"])
    if not any(rows[list(pair)].notna().all(axis=1).any() for pair in PANELS):
        raise NothingToDraw("no student has both numbers of a panel")
    figure = Figure(figsize=(style.WIDE, 4.2))
    axes = figure.subplots(2, 2).ravel()
    for place, (first, second) in zip(axes, PANELS, strict=True):
        said = []
        for color, (views, own) in zip(style.SERIES_COLOURS, _by_views(rows), strict=False):
            for several, marks in own.groupby(
                own["teacher_views"].str.contains(" + ", regex=False)
            ):
                face = color if several else "white"
                place.plot(
                    marks[first], marks[second], ls="", marker="o", ms=4, mec=color, mfc=face
                )
            said.append(_correlation(views, own, first, second))
        place.set(xlabel=WORDS[first], ylabel=WORDS[second])
        place.set_title("  ".join(filter(None, said)))
        place.grid(color=style.PALE, lw=0.4)
    handles = [
        axes[0].plot([], [], ls="", marker="o", color=color, label=f"student: {views}")[0]
        for color, (views, _) in zip(style.SERIES_COLOURS, _by_views(rows), strict=False)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure, rows.reset_index(drop=True)


def students(rows: pd.DataFrame) -> pd.DataFrame:
    """Those that learned from teachers."""
    return rows[(rows["role"] == "student") & rows["teacher_views"].notna()]


def _by_views(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    groups = rows.groupby("student_views", dropna=False)
    return sorted(((str(name), own) for name, own in groups), key=lambda pair: order(pair[0]))


def _correlation(views: str, own: pd.DataFrame, first: str, second: str) -> str:
    both = own[[first, second]].dropna().to_numpy(np.float64)
    rho = spearman(both[:, 0], both[:, 1]) if len(both) >= FEWEST else np.nan
    return f"{views}: ρ = {rho:.2f} ({len(both)})" if rho == rho else ""
