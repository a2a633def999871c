"""Consistency of every model with the teacher, beside what a null pair scores."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from distilscope.reporting import style
from distilscope.reporting.conditions import Estimate, estimate, estimates
from distilscope.reporting.figures import Drawing, NothingToDraw, drawing
from distilscope.reporting.tables import Tables

PANELS = (
    ("image_specific_rho", "null_image_specific_rho", "Image-specific ρ"),
    ("rho", "null_rho", "Raw ρ"),
)
TRIVIAL = {
    "gaussian": ("a centred Gaussian", ":"),
    "edges": ("the edges of the image", "-."),
}
UNDEFINED = "no consistency with a teacher is defined"


def fig_consistency(tables: Tables) -> Drawing:
    """Image-specific and raw ρ with intervals: twin, students, controls and floor."""
    shown = [condition for condition in tables.conditions if condition.role != "teacher"]
    rows = {measure: tables.headline(measure) for measure, _, _ in PANELS}
    if not any(estimate(one, found).defined for found in rows.values() for one in shown):
        raise NothingToDraw(UNDEFINED)
    figure = Figure(figsize=(style.WIDE, 1.35 + 0.22 * len(shown)))
    all_axes, parts, drawn = figure.subplots(1, len(PANELS), sharey=True), [], set()
    teachers = tables.of_role("teacher")
    for axes, (measure, null, words) in zip(all_axes, PANELS, strict=True):
        nulls = tables.headline(null)
        _panel(axes, shown, rows[measure], nulls)
        axes.set_title(words)
        axes.set_xlabel("Rank correlation with the teacher's map")
        parts.append(estimates(shown, rows[measure]).assign(measure=measure))
        for name in (null, null.replace("null_", "null_other_")):
            if len(found := tables.headline(name)):
                parts.append(estimates(shown, found).assign(measure=name))
        for trivial, (_, line) in TRIVIAL.items():
            found = tables.headline(f"{trivial}_{measure}")
            if len(found):
                parts.append(estimates(teachers, found).assign(measure=f"{trivial}_{measure}"))
                drawn |= _trivial_line(axes, estimate(teachers[0], found), trivial, line)
    if tables.of_role("twin"):
        drawn.add("twin")
    _legend(figure, f"On {tables.subset_words}", drawn)
    return figure, pd.concat(parts, ignore_index=True)


def _trivial_line(axes, found: Estimate, name: str, line: str) -> set[str]:
    """What a map that no model made scores against the teacher's, as a line."""
    if not found.defined:
        return set()
    axes.axvline(found.value, color=style.BLACK, lw=0.8, ls=line, zorder=0)
    return {name}


def _legend(figure: Figure, words: str, drawn: set[str]) -> None:
    """What filled and hollow marks and the lines that are drawn are."""
    looks = {"color": style.GREY, "ls": ""}
    handles = [
        Line2D([], [], marker="o", label="measured, with its interval", **looks),
        Line2D([], [], marker="D", mfc="white", ms=3.5, label="its null", **looks),
    ]
    if "twin" in drawn:
        looks = {"color": style.GREY, "ls": "--", "lw": 0.9}
        handles.append(Line2D([], [], label="the teacher's twin", **looks))
    for name, (label, line) in TRIVIAL.items():
        if name in drawn:
            handles.append(Line2D([], [], color=style.BLACK, lw=0.8, ls=line, label=label))
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=3,
        title=words,
        title_fontsize=7,
    )


def _panel(axes, shown: list, rows: pd.DataFrame, nulls: pd.DataFrame) -> None:
    axes.axvline(0, color=style.BLACK, lw=0.6)
    for place, condition in enumerate(shown):
        found, null = estimate(condition, rows), estimate(condition, nulls)
        color = style.colour(condition)
        if null.defined:
            axes.plot(null.value, place, marker="D", mfc="white", mec=color, ms=3.5, zorder=3)
        if not found.defined:
            axes.annotate(
                "undefined",
                (0, place),
                (4, 0),
                textcoords="offset points",
                va="center",
                color=style.GREY,
                fontsize=6.5,
            )
            continue
        if null.defined:
            axes.plot([null.value, found.value], [place, place], color=style.PALE, lw=2.5, zorder=1)
        drawing.whiskers(axes, place, found, horizontal=True, color=color)
        axes.plot(found.value, place, marker="o", color=color, zorder=4)
        if condition.role == "twin":
            axes.axvline(found.value, color=style.GREY, lw=0.9, ls="--", zorder=0)
    drawing.name_rows(axes, shown)
    axes.grid(axis="x", color=style.PALE, lw=0.4)
