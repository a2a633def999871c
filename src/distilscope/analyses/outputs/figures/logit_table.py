"""How alike the order of the logits is to the teacher's, beside what the study published."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from distilscope.analyses.sweeps.regimes import Ladder, Regime, ladder
from distilscope.reporting import style
from distilscope.reporting.conditions import estimate, estimates
from distilscope.reporting.figures import Drawing, drawing
from distilscope.reporting.tables import Tables

MEASURE = "logit_rho"


def fig_logit_table(tables: Tables) -> Drawing:
    """Spearman's ρ of logits, regimes by students: ours, and the published table."""
    found, rows = ladder(tables), tables.headline(MEASURE)
    published = _published(tables)
    panels = 2 if len(published) else 1
    figure = Figure(figsize=(style.WIDE, 0.9 + 0.32 * max(len(found.regimes), 3)))
    all_axes = figure.subplots(1, panels, squeeze=False).ravel()
    _ours(all_axes[0], found, rows)
    parts = [estimates(found.drawn, rows).assign(measure=MEASURE, source="ours")]
    if len(published):
        _theirs(all_axes[1], published)
        theirs = published[["model", "network", "value"]]
        parts.append(theirs.assign(measure=MEASURE, source="published"))
    return figure, pd.concat(parts, ignore_index=True)


def _published(tables: Tables) -> pd.DataFrame:
    """The published numbers of this measure that are of one network: with their regimes."""
    records = []
    for row in tables.published.to_dict("records"):
        pattern = json.loads(row["condition"]) if isinstance(row.get("condition"), str) else {}
        if row["measure"] == MEASURE and "network" in pattern:
            own = {"model": row["of"], "value": row["value"], "trust": row["trust"]}
            records.append({**own, "network": pattern["network"], "regime": Regime.of(pattern)})
    return pd.DataFrame.from_records(records)


def _ours(axes, found: Ladder, rows: pd.DataFrame) -> None:
    values = np.full((len(found.regimes), len(found.students)), np.nan)
    for row, regime in enumerate(found.regimes):
        for column, student in enumerate(found.students):
            condition = found.at(student, regime)
            values[row, column] = estimate(condition, rows).value if condition else np.nan
    drawing.heatmap(axes, values, 0.0, 1.0, numbers=True, size=7)
    names = [style.printable(name, f"student {i + 1}", 12) for i, name in enumerate(found.students)]
    if found.retrained:
        names[found.students.index(found.retrained)] += " *"
        axes.set_xlabel("* labels only: the teacher's twin")
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(found.regimes)), [regime.short for regime in found.regimes])
    axes.set_title("Here")


def _theirs(axes, published: pd.DataFrame) -> None:
    regimes = sorted(set(published["regime"]), key=lambda regime: regime.order)
    students = list(dict.fromkeys(published["network"]))
    values = np.full((len(regimes), len(students)), np.nan)
    for row in published.itertuples():
        values[regimes.index(row.regime), students.index(row.network)] = row.value
    drawing.heatmap(axes, values, 0.0, 1.0, numbers=True, size=7)
    axes.set_xticks(range(len(students)), students)
    axes.set_yticks(range(len(regimes)), [regime.weight for regime in regimes])
    axes.set_title(f"Published (trust: {', '.join(sorted(set(published['trust'])))})")
