"""A ladder as points: students on the axis, a mark for each regime, lines across."""

from __future__ import annotations

from collections import Counter

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from distilscope.analyses.sweeps.regimes import Ladder, Regime
from distilscope.reporting import style
from distilscope.reporting.conditions import Condition, Estimate, estimate
from distilscope.reporting.figures import drawing

COLOURS = (style.SKY, style.BLUE, style.GREEN, style.VERMILION)
WIDTH = 0.72  # of a student's group on the axis
BESIDE = 0.22  # of the way to the next regime: where a null stands, clear of its own mark


def panel(axes, found: Ladder, rows: pd.DataFrame, nulls: pd.DataFrame | None) -> None:
    """A point for each student and regime, with its interval and its null."""
    step = WIDTH / max(len(found.regimes) - 1, 1)
    for place, student in enumerate(found.students):
        for order, regime in enumerate(found.regimes):
            condition = found.at(student, regime)
            if condition is None:
                continue
            at = place - WIDTH / 2 + order * step
            color, fill = _look(found, regime, condition)
            null = estimate(condition, nulls) if nulls is not None else None
            if null is not None and null.defined:
                looks = {"marker": "D", "mfc": "white", "mec": color, "ms": 3}
                axes.plot(at + BESIDE * step, null.value, **looks, zorder=2)
            own = estimate(condition, rows)
            if own.defined:
                drawing.whiskers(axes, at, own, horizontal=False, color=color)
                axes.plot(at, own.value, marker="o", mfc=fill, mec=color, ms=4.5, zorder=4)
            else:
                axes.annotate("×", (at, 0), color=style.GREY, ha="center")
    labels = [style.printable(name, f"student {i + 1}") for i, name in enumerate(found.students)]
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y", color=style.PALE, lw=0.4)


def _look(found: Ladder, regime: Regime, condition: Condition) -> tuple[str, str]:
    """Edge and fill: a colour for each α, hollow at temperatures other than the commonest."""
    if condition.role == "twin":
        return style.GREY, style.GREY
    if regime.T is None:
        return style.ORANGE, style.ORANGE
    weights = sorted({r.alpha for r in found.regimes if r.T is not None})
    color = COLOURS[weights.index(regime.alpha) % len(COLOURS)]
    return color, color if _main(found) == regime.T else "white"


def _main(found: Ladder) -> float:
    """The T that most models have, the highest of equals."""
    counts: Counter[float] = Counter()
    for (_, regime), condition in found.conditions.items():
        if regime.T is not None:
            counts[regime.T] += len(condition.models)
    return max(counts, key=lambda T: (counts[T], T))


def level(axes, found: Estimate, color: str, line) -> bool:
    """A line across the panel; whether there was a number to draw."""
    if found.defined:
        axes.axhline(found.value, color=color, lw=0.9, ls=line, zorder=0)
    return found.defined


def legend(figure: Figure, found: Ladder, levels: dict, *, null: bool) -> None:
    """The regimes, what stands in for one, nulls and the lines across (words -> their look)."""
    handles = []
    for regime in found.regimes:
        condition = next(c for (_, r), c in found.conditions.items() if r == regime)
        color, fill = _look(found, regime, condition)
        looks = {"ls": "", "marker": "o", "mec": color, "mfc": fill, "ms": 4.5}
        handles.append(Line2D([], [], label=regime.words, **looks))
    if found.retrained:
        words = "the teacher's network retrained"
        handles.append(Line2D([], [], ls="", marker="o", color=style.GREY, ms=4.5, label=words))
    if null:
        looks = {"ls": "", "marker": "D", "mfc": "white", "mec": style.GREY, "ms": 3}
        handles.append(Line2D([], [], label="its null, right of it", **looks))
    for words, (color, line) in levels.items():
        handles.append(Line2D([], [], color=color, ls=line, lw=0.9, label=words))
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
