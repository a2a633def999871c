"""How alike the order of the logits is to the teacher's, beside what the study published."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from distilscope.analyses.sweeps.figures.regimes import ONE_WEIGHT
from distilscope.analyses.sweeps.regimes import Ladder, ladder
from distilscope.reporting import style
from distilscope.reporting.cells import estimate, estimates
from distilscope.reporting.figures import Drawing, drawing, heading
from distilscope.reporting.tables import Tables

MEASURE = "logit_rho"


def fig_logit_table(tables: Tables) -> Drawing:
    """Spearman's ρ of logits, regimes by students: ours, and the published table."""
    name = "logit-table"
    found = ladder(tables)
    if found is None:
        return style.empty(heading(name, tables), ONE_WEIGHT, tables.scale)
    rows = tables.headline(MEASURE)
    published = tables.published[
        (tables.published["measure"] == MEASURE) & tables.published["student"].notna()
    ]
    panels = 2 if len(published) else 1
    figure = Figure(figsize=(style.WIDE, 0.9 + 0.32 * max(len(found.regimes), 3)))
    style.title(figure, heading(name, tables), tables.scale)
    all_axes = figure.subplots(1, panels, squeeze=False).ravel()
    _ours(all_axes[0], found, rows)
    parts = [estimates(found.drawn, rows).assign(measure=MEASURE, source="ours")]
    if len(published):
        _theirs(all_axes[1], published)
        parts.append(_numbers(published))
    return figure, pd.concat(parts, ignore_index=True)


def _ours(axes, found: Ladder, rows: pd.DataFrame) -> None:
    values = np.full((len(found.regimes), len(found.students)), np.nan)
    for row, regime in enumerate(found.regimes):
        for column, student in enumerate(found.students):
            cell = found.cell(student, regime)
            values[row, column] = estimate(cell, rows).value if cell else np.nan
    drawing.heatmap(axes, values, 0.0, 1.0, numbers=True, size=7)
    names = [style.printable(name, f"student {i + 1}", 12) for i, name in enumerate(found.students)]
    if found.retrained:
        place = found.students.index(found.retrained)
        names[place] += " *"
        axes.set_xlabel("* labels only: the teacher's twin")
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(found.regimes)), [regime.short for regime in found.regimes])
    axes.set_title("Here")


def _theirs(axes, published: pd.DataFrame) -> None:
    regimes = sorted({_regime(row) for row in published.to_dict("records")})
    students = list(dict.fromkeys(published["student"]))
    values = np.full((len(regimes), len(students)), np.nan)
    for row in published.to_dict("records"):
        values[regimes.index(_regime(row)), students.index(row["student"])] = row["value"]
    drawing.heatmap(axes, values, 0.0, 1.0, numbers=True, size=7)
    axes.set_xticks(range(len(students)), students)
    labels = ["labels only" if weight == 0 else f"α={weight:g}" for weight, _ in regimes]
    axes.set_yticks(range(len(regimes)), labels)
    axes.set_title(f"Published (trust: {', '.join(sorted(set(published['trust'])))})")


def _regime(row: dict) -> tuple[float, float]:
    """(α, T) of a published number; T is 0 where none was published."""
    weight, temperature = (0.0 if pd.isna(row[n]) else float(row[n]) for n in ("alpha", "T"))
    return weight, temperature


def _numbers(published: pd.DataFrame) -> pd.DataFrame:
    kept = published[["of", "student", "T", "alpha", "value"]].rename(columns={"of": "model"})
    return kept.assign(measure=MEASURE, source="published")
