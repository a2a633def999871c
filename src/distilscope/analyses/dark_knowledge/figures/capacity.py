"""Numbers over the size of the teacher: its confidence and distinctness, its students' accuracy."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from distilscope.reporting import style
from distilscope.reporting.figures import Drawing, NothingToDraw, drawing
from distilscope.reporting.tables import Tables

PANELS = {"p_true": "p(label)", "wrong_sd": "σ(q), derived", "inherent_sd": "σ(q̃), inherent"}
COLUMNS = 3


def fig_distinctness(tables: Tables) -> Drawing:
    """p_true, derived and inherent spread over the rungs, a line a probe, at the shared tau."""
    found = tables["distinctness"]
    tau = tables.settings_of("dark_knowledge")["shared"]
    rows = found[(found["tau"] == tau) & (found["scaling"] == "scalar")]
    rows = rows[rows["measure"].isin(PANELS)]
    if not rows["value"].notna().any():
        raise NothingToDraw("no teacher has a spread of wrong classes")
    order = _order(rows, "network")
    figure = Figure(figsize=(style.WIDE, 2.4))
    axes = figure.subplots(1, len(PANELS))
    for place, (measure, words) in zip(axes, PANELS.items(), strict=True):
        own = rows[rows["measure"] == measure]
        for probe, color, marker in zip(
            dict.fromkeys(own["probe"]), style.SERIES_COLOURS, style.MARKERS, strict=False
        ):
            line = own[own["probe"] == probe]
            means = line.groupby("network")["value"].mean().reindex(order)
            place.plot(range(len(order)), means, color=color, label=probe, lw=0.9)
            for row in line.itertuples():
                at = order.index(row.network)
                place.plot(at, row.value, marker=marker, color=color, ms=3, ls="")
        _name(place, order)
        place.set_title(words)
        place.set_ylim(bottom=0)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure, rows.reset_index(drop=True)


def fig_accuracy(tables: Tables) -> Drawing:
    """The teachers' accuracy over the rungs; then each student's, a line an arm."""
    rows = tables["arms"]
    if not rows["accuracy"].notna().any():
        raise NothingToDraw("no arm has a reported seed")
    order = _order(rows, "teacher")
    groups = list(rows.groupby("student", sort=False))
    figure, panels = drawing.panels(1 + len(groups), COLUMNS, height=2.6)
    teachers = rows.groupby("teacher")["teacher_accuracy"].first().reindex(order)
    panels[0].plot(range(len(order)), 100 * teachers, color=style.GREY, marker="o", ms=3)
    panels[0].set_title("the teachers themselves")
    panels[0].set_ylabel("test accuracy, %")
    _name(panels[0], order)
    for place, (student, own) in zip(panels[1:], groups, strict=True):
        for number, (arm, line) in enumerate(own.groupby("arm", sort=False)):
            _line(place, line.set_index("teacher").reindex(order), arm, number)
        _name(place, order)
        place.set_title(style.printable(student, "student"))
    figure.legend(*panels[1].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    return figure, rows.reset_index(drop=True)


def _line(place, line: pd.DataFrame, arm: str, number: int) -> None:
    color = style.SERIES_COLOURS[number % len(style.SERIES_COLOURS)]
    marker = style.MARKERS[number % len(style.MARKERS)]
    at = [x + 0.05 * (number - 2) for x in range(len(line))]
    error = [100 * (line["accuracy"] - line["low"]), 100 * (line["high"] - line["accuracy"])]
    place.errorbar(
        at, 100 * line["accuracy"], yerr=error, color=color, marker=marker, label=arm, lw=0.8, ms=3
    )


def _order(rows: pd.DataFrame, column: str) -> list[str]:
    """Teachers from the smallest."""
    return list(dict.fromkeys(rows.sort_values(["parameters", column])[column]))


def _name(place, order: list[str]) -> None:
    labels = [style.printable(name, f"rung {i + 1}", 10) for i, name in enumerate(order)]
    place.set_xticks(range(len(order)), labels, rotation=25, ha="right")
    place.grid(axis="y", color=style.PALE, lw=0.4)
