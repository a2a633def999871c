"""Which map to believe: part importances against what it costs to take the part away."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from distilscope.analyses.parts.rows import importance, methods, rows_of, wording
from distilscope.reporting import names, style
from distilscope.reporting.figures import Drawing, NothingToDraw
from distilscope.reporting.tables import Tables


@dataclass(frozen=True)
class Panel:
    """A measure of maps against what is known without them.

    Attributes:
        measure, null: of the maps, and what chance gives.
        beside: a measure that needs no map, with what it is and the colour of its line.
    """

    measure: str
    null: str
    title: str
    axis: str
    beside: str
    instead: str
    color: str


PANELS = (
    Panel(
        "faithfulness",
        "null_faithfulness",
        "Is the map's order that of removal?",
        "Spearman's ρ, importance and fall of the logit",
        "faithfulness_areas",
        "no map: parts by their size",
        style.ORANGE,
    ),
    Panel(
        "deciding_recall",
        "deciding_recall_chance",
        "Does the map find the parts that decide?",
        "Share of them among the top parts",
        "removal_recall",
        "no map: parts by what removal costs",
        style.GREEN,
    ),
)
STUDENTS = ("student", "control", "twin-taught")
GROUPS = {
    "the teacher": (("teacher",), style.ROLE_COLOURS["teacher"], "s"),
    "trained students": (STUDENTS, style.BLUE, "o"),
    "untrained": (("floor",), style.PURPLE, "^"),
}
CHANCE = "students, by chance"
NOT_REMOVED = "no model was shown images without their parts"


def fig_faithfulness(tables: Tables) -> Drawing:
    """Faithfulness and recall of each method and importance: teacher, students, floor."""
    panels = [panel for panel in PANELS if len(tables.of(panel.measure))]
    if not panels:
        raise NothingToDraw(NOT_REMOVED)
    keys = _keys(tables)
    numbers = pd.DataFrame([row for key in keys for p in panels for row in _rows(tables, key, p)])
    figure = Figure(figsize=(style.WIDE, 1.4 + 0.27 * len(keys)))
    all_axes = figure.subplots(1, len(panels), squeeze=False, sharey=True).ravel()
    for axes, panel in zip(all_axes, panels, strict=True):
        _panel(axes, panel, numbers, keys)
        axes.set_title(wording(panel.title, tables))
        axes.set_xlabel(wording(panel.axis, tables))
    labels = [f"{names.method(method)}, {importance(variant)}" for method, variant in keys]
    all_axes[0].set_yticks(range(len(keys)), labels)
    all_axes[0].set_ylim(len(keys) - 0.4, -0.6)
    _legend(figure, tables, panels, set(numbers["of"]))
    return figure, numbers


def _keys(tables: Tables) -> list[tuple[str, str]]:
    """Every method, the headline's first, and importance."""
    rows = tables["parts"][["method", "variant"]].drop_duplicates()
    return [(m, v) for m in methods(tables) for v in rows.loc[rows["method"] == m, "variant"]]


def _rows(tables: Tables, key: tuple[str, str], panel: Panel) -> list[dict]:
    """The spread of each group in the measure, its chance level and what needs no map."""
    method, variant = key
    roles = dict(zip(tables.models["id"], tables.models["role"], strict=True))
    found = []
    for measure in (panel.measure, panel.null, panel.beside):
        rows = rows_of(tables, measure, method, variant)
        role = rows["model"].map(roles)
        for group, (own, _, _) in GROUPS.items():
            values = rows.loc[role.isin(own), "value"].dropna()
            if len(values):
                place = {"method": method, "variant": variant, "measure": measure, "of": group}
                spread = {"value": values.mean(), "least": values.min(), "most": values.max()}
                found.append({**place, **spread, "models": len(values)})
    return found


def _panel(axes, panel: Panel, numbers: pd.DataFrame, keys: list[tuple[str, str]]) -> None:
    for row in numbers.to_dict("records"):
        place = keys.index((row["method"], row["variant"]))
        _, color, marker = GROUPS[row["of"]]
        if row["measure"] == panel.measure:
            axes.plot([row["least"], row["most"]], [place, place], color=color, lw=0.9)
            axes.plot(row["value"], place, marker=marker, color=color, ms=4.5, zorder=4)
        elif row["measure"] == panel.null and row["of"] == "trained students":
            axes.plot(row["value"], place, "D", mfc="white", mec=color, ms=3.5)
    beside = numbers[(numbers["measure"] == panel.beside) & (numbers["of"] == "trained students")]
    for value in beside["value"].head(1):  # it needs no map: nearly the same for every method
        axes.axvline(value, color=panel.color, lw=0.9, ls="--", zorder=0)
    axes.axvline(0, color=style.BLACK, lw=0.6)
    axes.grid(axis="x", color=style.PALE, lw=0.4)


def _legend(figure: Figure, tables: Tables, panels: list[Panel], drawn: set[str]) -> None:
    handles = [
        Line2D([], [], ls="", marker=marker, color=color, label=words)
        for words, (_, color, marker) in GROUPS.items()
        if words in drawn
    ]
    looks = {"ls": "", "marker": "D", "mfc": "white", "mec": style.BLUE, "ms": 3.5}
    handles.append(Line2D([], [], label=CHANCE, **looks))
    for panel in panels:
        words = wording(f"students, {panel.instead}", tables)
        handles.append(Line2D([], [], color=panel.color, ls="--", lw=0.9, label=words))
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
