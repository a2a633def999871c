"""Consistency class by class."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from distilscope.analyses.alignment.shares import headline, percent, percent_name
from distilscope.reporting import style
from distilscope.reporting.conditions import Condition, estimate, estimates
from distilscope.reporting.figures import Drawing, NothingToDraw, drawing
from distilscope.reporting.tables import Tables

MEASURES = {"image_specific_rho": "Image-specific ρ", "rho": "Raw ρ"}
UNDEFINED = "no consistency by class is defined"
MAX_BARS = 20
MAX_NUMBERS = 20


def fig_per_class(tables: Tables) -> Drawing:
    """Bars of the main student, its label-only control and the twin, for each class."""
    top = headline(tables.settings_of("alignment"))
    iou = {percent_name("iou", top): f"IoU of top {percent(top)} %"}
    main, found = tables.main_student, _by_class(tables, {**MEASURES, **iou})
    if not found:
        raise NothingToDraw(UNDEFINED)
    group = [main, *_beside(tables, main)]
    figure = Figure(figsize=(style.WIDE, 0.8 + 1.15 * len(found)))
    figure.suptitle(drawing.label(main))
    all_axes, parts = figure.subplots(len(found), 1, squeeze=False, sharex=True).ravel(), []
    kept = _lowest(found[0][2], main, MAX_BARS)
    for axes, (measure, words, rows) in zip(all_axes, found, strict=True):
        _class_bars(axes, tables, group, rows, kept)
        axes.set_ylabel(words)
        parts.append(_numbers(tables, group, rows).assign(measure=measure))
    all_axes[0].set_title(_selection(found[0][2], kept))
    handles = all_axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(group))
    return figure, pd.concat(parts, ignore_index=True)


def _by_class(tables: Tables, measures: Mapping[str, str]) -> list[tuple[str, str, pd.DataFrame]]:
    found = [(n, words, tables.headline(n, by_class=True)) for n, words in measures.items()]
    return [(name, words, rows) for name, words, rows in found if rows["value"].notna().any()]


def _beside(tables: Tables, main: Condition) -> list[Condition]:
    """The controls of the main student, then the twins."""
    controls = [found for found in tables.of_role("control") if found.network == main.network]
    return [*controls, *tables.of_role("twin")]


def _classes(rows: pd.DataFrame) -> list:
    return sorted(rows["class"].unique())


def _lowest(rows: pd.DataFrame, main: Condition, most: int) -> list:
    """All classes, or where they are too many those in which the main student scores lowest.

    Of many, most may have no image: they are drawn where it has a number in no class alone.
    """
    classes = _classes(rows)
    if len(classes) <= most:
        return classes
    split = dict(list(rows.groupby("class")))
    values = {c: estimate(main, split[c]).value for c in classes}
    known = [c for c in classes if not math.isnan(values[c])]
    return sorted(known, key=values.__getitem__)[:most] if known else classes[:most]


def _selection(rows: pd.DataFrame, kept: list) -> str:
    """Says so where not all classes are drawn."""
    count = rows["class"].nunique()
    if len(kept) == count:
        return ""
    if len(kept) < MAX_BARS:
        return f"The {len(kept)} of {count} classes in which the student has a number"
    return f"The {MAX_BARS} of {count} classes in which the student scores lowest"


def _class_bars(
    axes, tables: Tables, group: list[Condition], rows: pd.DataFrame, kept: list
) -> None:
    width, split = 0.8 / len(group), dict(list(rows.groupby("class")))
    for offset, condition in enumerate(group):
        places = np.arange(len(kept)) + (offset - (len(group) - 1) / 2) * width
        values = [estimate(condition, split.get(value, rows[:0])) for value in kept]
        heights = [found.value for found in values]
        color = style.colour(condition)
        axes.bar(places, heights, width * 0.92, color=color, label=drawing.label(condition))
        for place, found in zip(places, values, strict=True):
            if found.defined:
                drawing.whiskers(axes, place, found, horizontal=False)
            else:
                axes.text(place, 0, "×", ha="center", va="bottom", color=style.GREY)
    axes.axhline(0, color=style.BLACK, lw=0.6)
    names = [tables.drawn_class(value) for value in kept]
    turned = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
    long = max(map(len, names)) * len(kept) > 115
    axes.set_xticks(range(len(kept)), names, **(turned if long else {}))
    axes.set_xlim(-0.6, len(kept) - 0.4)
    axes.tick_params(axis="x", length=0)


def _numbers(tables: Tables, group: list[Condition], rows: pd.DataFrame) -> pd.DataFrame:
    split = dict(list(rows.groupby("class")))
    parts = [
        estimates(group, split[value]).assign(
            **{"class": value, "class_name": tables.class_name(value)}
        )
        for value in _classes(rows)
    ]
    return pd.concat(parts, ignore_index=True)


def fig_class_model(tables: Tables) -> Drawing:
    """Heatmaps of model × class."""
    found = _by_class(tables, MEASURES)
    shown = [condition for condition in tables.conditions if condition.role != "teacher"]
    if not found:
        raise NothingToDraw(UNDEFINED)
    figure = Figure(figsize=(style.WIDE, 1.0 + len(found) * (0.35 + 0.19 * len(shown))))
    all_axes = figure.subplots(len(found), 1, squeeze=False, sharex=True).ravel()
    parts = [_numbers(tables, shown, rows).assign(measure=name) for name, _, rows in found]
    table = pd.concat(parts, ignore_index=True)
    classes = sorted(table["class"].unique())
    kept = classes
    if len(classes) > MAX_NUMBERS:  # of a thousand classes most have no image
        kept = sorted(table.loc[table["value"].notna(), "class"].unique())
    among = f", in the {len(kept)} of {len(classes)} classes with a number"
    for axes, numbers, (_, words, _) in zip(all_axes, parts, found, strict=True):
        _class_heatmap(axes, tables, shown, kept, numbers)
        axes.set_title(words + (among if len(kept) < len(classes) else ""))
    return figure, table


def _class_heatmap(axes, tables: Tables, shown, classes: list, numbers: pd.DataFrame) -> None:
    table = numbers.pivot(index="model", columns="class", values="value")
    values = table.reindex(index=[c.label for c in shown], columns=classes).to_numpy(dtype=float)
    finite = values[np.isfinite(values)]
    high = max(0.1, float(finite.max())) if finite.size else 1.0
    mesh = drawing.heatmap(axes, values, 0.0, high, numbers=len(classes) <= MAX_NUMBERS)
    step = math.ceil(len(classes) / 50)
    names = [tables.drawn_class(value) for value in classes[::step]]
    turn = 0 if max(map(len, names)) * len(names) <= 85 else 45 if len(names) <= 20 else 90
    axes.set_xticks(
        range(0, len(classes), step),
        names,
        rotation=turn,
        ha="center" if turn in (0, 90) else "right",
        rotation_mode="default" if turn in (0, 90) else "anchor",
        fontsize=6.5 if len(names) <= 20 else 5,
    )
    axes.set_yticks(range(len(shown)), [drawing.label(condition) for condition in shown])
    axes.figure.colorbar(mesh, ax=axes, shrink=0.8, aspect=18, pad=0.01)
