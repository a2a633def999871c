"""Whether students gain, by task: the trained model as the unit, and the published test."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from distilscope.reporting import style
from distilscope.reporting.figures import Drawing, NothingToDraw
from distilscope.reporting.tables import Tables


def fig_tests(tables: Tables) -> Drawing:
    """A row a task: mean and interval over seeds, and the mean that the published test has.

    Raises:
        NothingToDraw: no student has a control.
    """
    rows = tables["reasoning_tests"]
    if not len(rows):
        raise NothingToDraw("no student has a control of its network and seed")
    figure = Figure(figsize=(style.WIDE, 1.1 + 0.2 * len(rows)))
    axes = figure.subplots()
    places = np.arange(len(rows))
    error = 100 * np.array([rows["value"] - rows["low"], rows["high"] - rows["value"]], float)
    axes.errorbar(
        100 * rows["value"],
        places,
        xerr=np.nan_to_num(error),
        fmt="o",
        color=style.BLUE,
        elinewidth=0.9,
        capsize=1.5,
        label="over seeds, the lowest temperature of each objective",
    )
    axes.plot(
        100 * rows["published_value"],
        places,
        ls="",
        marker="D",
        mfc="white",
        mec=style.VERMILION,
        label="as published: the best temperature on test items",
    )
    axes.axvline(0, color=style.GREY, lw=0.6)
    axes.set_yticks(places, [style.printable(task, "task") for task in rows["task"]])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("improvement over labels only, percentage points of exact answers")
    axes.grid(axis="x", color=style.PALE, lw=0.4)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure, rows.reset_index(drop=True)
