"""Mean and spread of wrong classes over the temperature: smallest and largest teacher."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from distilscope.analyses.dark_knowledge.observe import TRAIN
from distilscope.reporting import style
from distilscope.reporting.figures import Drawing, NothingToDraw
from distilscope.reporting.tables import Tables

ROWS = {"wrong_mean": "mean e(q)", "wrong_sd": "spread σ(q)"}


def fig_temperature(tables: Tables) -> Drawing:
    """e(q) and sigma(q) over tau: smallest and largest teacher, and asymmetric for the largest."""
    found = tables["distinctness"]
    rows = found[(found["probe"] == TRAIN) & found["measure"].isin(ROWS)]
    rows = rows[(rows["role"] == "teacher") & rows["value"].notna()]
    if not len(rows):
        raise NothingToDraw("no teacher has a spread of wrong classes")
    small, large = _ends(rows)
    columns = [(small, "scalar"), (large, "scalar"), (large, "asymmetric")]
    figure = Figure(figsize=(style.WIDE, 3.3))
    axes = figure.subplots(2, len(columns), sharex=True, sharey="row")
    for down, (measure, words) in enumerate(ROWS.items()):
        for across, (network, scaling) in enumerate(columns):
            own = rows[(rows["network"] == network) & (rows["scaling"] == scaling)]
            line = own[own["measure"] == measure].groupby("tau")["value"].mean()
            place = axes[down][across]
            color = style.SERIES_COLOURS[across]
            place.plot(line.index, line.to_numpy(), marker="o", color=color)
            place.grid(axis="y", color=style.PALE, lw=0.4)
            if down == 0:
                name = style.printable(network, "teacher")
                place.set_title(
                    f"{name}, {'one τ' if scaling == 'scalar' else '1.25 τ and 0.75 τ'}"
                )
            else:
                place.set_xlabel("τ")
        axes[down][0].set_ylabel(words)
        top = rows.loc[rows["measure"] == measure, "value"].max()
        axes[down][0].set_ylim(0, 1.1 * top or 1)
    return figure, rows.reset_index(drop=True)


def _ends(rows: pd.DataFrame) -> tuple[str, str]:
    """The smallest and the largest network."""
    order = rows.sort_values(["parameters", "network"])["network"]
    return order.iloc[0], order.iloc[-1]
