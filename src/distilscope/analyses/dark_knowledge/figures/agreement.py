"""Teachers against teachers: do they order the wrong classes alike?"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from distilscope.reporting import style
from distilscope.reporting.figures import Drawing, NothingToDraw, drawing
from distilscope.reporting.tables import Tables

PANELS = {
    "wrong_kendall": "order of wrong classes (Kendall's τ)",
    "relation_rho": "class relations (ρ)",
}


def fig_relations(tables: Tables) -> Drawing:
    """Two matrices of rungs: off the diagonal other entries, on it the seeds of one entry."""
    rows = tables["relations"]
    own = rows[rows["kind"].isin(("rungs", "seeds")) & rows["measure"].isin(PANELS)]
    if not own["value"].notna().any():
        raise NothingToDraw("no two teachers can be compared")
    sizes = {c.network: c.parameters for c in tables.of_role("teacher")}
    order = sorted(sizes, key=lambda name: (sizes[name], name))
    figure = Figure(figsize=(style.WIDE, 3.0))
    labels = [style.printable(name, f"rung {i + 1}", 10) for i, name in enumerate(order)]
    for axes, (measure, words) in zip(figure.subplots(1, 2), PANELS.items(), strict=True):
        values = np.full((len(order), len(order)), np.nan)
        part = own[own["measure"] == measure]
        for (first, second), group in part.groupby(["network", "reference_network"]):
            at = order.index(first), order.index(second)
            values[at] = values[at[::-1]] = group["value"].mean()
        drawing.heatmap(axes, values, 0.0, 1.0, numbers=True)
        axes.set_xticks(range(len(order)), labels, rotation=30, ha="right")
        axes.set_yticks(range(len(order)), labels)
        axes.set_title(words)
    return figure, rows.reset_index(drop=True)
