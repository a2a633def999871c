"""The same teachers and student under each objective: does matching harder raise fidelity?"""

from __future__ import annotations

import json
from collections import Counter

import pandas as pd
from matplotlib.figure import Figure

from distilscope.analyses.attention.figures.cells import way
from distilscope.analyses.attention.figures.own import beside_own
from distilscope.reporting import style
from distilscope.reporting.conditions import Condition, Estimate, estimate
from distilscope.reporting.figures import Drawing, NothingToDraw, drawing
from distilscope.reporting.tables import Tables

PANELS = {"fidelity": "fidelity", "accuracy": "test accuracy"}
COLUMNS = (
    *("student", "teachers", "combine", "objective", "parameters", "measure", "value", "low"),
    *("high", "seeds"),
)


def fig_matching(tables: Tables) -> Drawing:
    """A block for each student and its teachers that learn in several ways, a row a way."""
    shown = _several(tables.of_role("student"))
    if not shown:
        raise NothingToDraw("no student learns from the same teachers in several ways")
    figure = Figure(figsize=(style.WIDE, 0.8 + 0.24 * len(shown)))
    axes = figure.subplots(1, len(PANELS), sharey=True)
    records = []
    for place, (measure, words) in zip(axes, PANELS.items(), strict=True):
        numbers = beside_own(tables, measure)
        for at, condition in enumerate(shown):
            own = estimate(condition, numbers)
            color = style.SERIES_COLOURS[_blocks(shown).index(_block(condition)) % 7]
            if own.defined:
                place.plot(own.value, at, ls="", marker="o", color=color)
                drawing.whiskers(place, at, own, horizontal=True, color=color)
            records.append(_record(condition, measure, own))
        place.set_title(words)
        place.grid(axis="x", color=style.PALE, lw=0.4)
    words = _words if len(_blocks(shown)) > 1 else lambda condition: way(condition.row)
    axes[0].set_yticks(range(len(shown)), [words(condition) for condition in shown])
    axes[0].set_ylim(len(shown) - 0.5, -0.5)
    return figure, pd.DataFrame.from_records(records, columns=COLUMNS)


def _several(conditions: list[Condition]) -> list[Condition]:
    counted = Counter(map(_block, conditions))
    kept = [c for c in conditions if counted[_block(c)] > 1 and c.row["objective"]]
    return sorted(kept, key=lambda c: (_block(c), c.order))


def _block(condition: Condition) -> tuple[str, ...]:
    row = condition.row
    return condition.network, row["teachers"], row["combine"] or ""


def _blocks(conditions: list[Condition]) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(map(_block, conditions)))


def _words(condition: Condition) -> str:
    teachers = " + ".join(json.loads(condition.row["teachers"]))
    named = style.printable(f"{condition.network} from {teachers}", "student", 34)
    return f"{named}, {way(condition.row)}"


def _record(condition: Condition, measure: str, own: Estimate) -> dict:
    row = condition.row
    return {
        "student": condition.network,
        **{name: row[name] for name in ("teachers", "combine", "objective", "parameters")},
        "measure": measure,
        "value": own.value,
        "low": own.low,
        "high": own.high,
        "seeds": len(condition.models),
    }
