"""Which map to believe: part importances against what it costs to take the part away."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from distilscope.reporting import style
from distilscope.reporting.figures import Drawing, heading
from distilscope.reporting.tables import Tables

PANELS = (
    ("faithfulness", "null_faithfulness", "ρ with the fall of the logit", "faithfulness_areas"),
    ("deciding_recall", "deciding_recall_chance", "Recall of the deciding parts", "removal_recall"),
)
GROUPS = {
    "the teacher": (("teacher",), style.ROLE_COLOURS["teacher"], "s"),
    "trained students": (("student", "control", "twin-taught"), style.BLUE, "o"),
    "untrained": (("floor",), style.PURPLE, "^"),
}
BESIDE = {
    "faithfulness_areas": "dashed: the parts' sizes in place of a map",
    "removal_recall": "dashed: the parts that cost most when removed",
}


def fig_faithfulness(tables: Tables) -> Drawing:
    """Faithfulness and recall of each method and importance: teacher, students, floor."""
    name = "faithfulness"
    rows = tables.measures[tables.measures["variant"].notna() & tables.measures["class"].isna()]
    rows = rows[rows["subset"] == tables.subset]
    panels = [panel for panel in PANELS if rows["measure"].isin(panel[:1]).any()]
    if not panels:
        why = "no model was shown images without their parts"
        return style.empty(heading(name, tables), why, tables.scale)
    keys = list(rows[["method", "variant"]].drop_duplicates().itertuples(index=False, name=None))
    figure = Figure(figsize=(style.WIDE, 1.25 + 0.27 * len(keys)))
    style.title(figure, heading(name, tables), tables.scale)
    all_axes = figure.subplots(1, len(panels), squeeze=False, sharey=True).ravel()
    numbers, drawn = [], {}
    for axes, (measure, null, words, beside) in zip(all_axes, panels, strict=True):
        for place, (method, variant) in enumerate(keys):
            own = rows[(rows["method"] == method) & (rows["variant"] == variant)]
            for group, looks in GROUPS.items():
                found = _spread(own, measure, looks[0])
                if found:
                    drawn[group] = looks
                    _point(axes, place, found, looks[1], looks[2])
                for which in (measure, null, beside):
                    if spread := _spread(own, which, looks[0]):
                        key = {"method": method, "variant": variant, "measure": which}
                        numbers.append({**key, "of": group, **spread})
            null_found = _spread(own, null, GROUPS["trained students"][0])
            if null_found:
                axes.plot(null_found["value"], place, "D", mfc="white", mec=style.BLUE, ms=3.5)
        _beside(axes, rows, beside)
        axes.axvline(0, color=style.BLACK, lw=0.6)
        axes.set_xlabel(words)
        axes.set_title(BESIDE[beside], fontsize=6.5, color=style.ORANGE)
        axes.grid(axis="x", color=style.PALE, lw=0.4)
    labels = [f"{method}, {variant.replace('_', ' ')}" for method, variant in keys]
    all_axes[0].set_yticks(range(len(keys)), labels)
    all_axes[0].set_ylim(len(keys) - 0.4, -0.6)
    _legend(figure, drawn)
    return figure, pd.DataFrame(numbers)


def _spread(rows: pd.DataFrame, measure: str, roles: tuple[str, ...]) -> dict | None:
    """Mean, least and most over the models of some roles."""
    values = rows.loc[(rows["measure"] == measure) & rows["role"].isin(roles), "value"].dropna()
    if values.empty:
        return None
    spread = {"value": float(values.mean()), "least": values.min(), "most": values.max()}
    return {**spread, "models": len(values)}


def _point(axes, place: int, found: dict, color: str, marker: str) -> None:
    axes.plot([found["least"], found["most"]], [place, place], color=color, lw=0.9)
    axes.plot(found["value"], place, marker=marker, color=color, ms=4.5, zorder=4)


def _beside(axes, rows: pd.DataFrame, measure: str) -> None:
    """What needs no map: the same for every method of a model."""
    found = _spread(rows, measure, GROUPS["trained students"][0])
    if found and np.isfinite(found["value"]):
        axes.axvline(found["value"], color=style.ORANGE, lw=0.9, ls="--", zorder=0)


def _legend(figure: Figure, drawn: dict) -> None:
    handles = [
        Line2D([], [], ls="", marker=marker, color=color, label=words)
        for words, (_, color, marker) in drawn.items()
    ]
    looks = {"ls": "", "marker": "D", "mfc": "white", "mec": style.BLUE, "ms": 3.5}
    handles.append(Line2D([], [], label="students, by chance", **looks))
    looks = {"color": style.ORANGE, "ls": "--", "lw": 0.9}
    handles.append(Line2D([], [], label="students, without a map (words above)", **looks))
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
