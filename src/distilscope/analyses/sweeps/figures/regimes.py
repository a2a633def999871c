"""What the weight α and the size of the student change."""

from __future__ import annotations

from matplotlib.figure import Figure

from distilscope.analyses.sweeps.figures import rungs
from distilscope.analyses.sweeps.regimes import ladder
from distilscope.reporting import style
from distilscope.reporting.conditions import estimate, estimates
from distilscope.reporting.figures import Drawing
from distilscope.reporting.tables import Tables


def fig_regimes(tables: Tables) -> Drawing:
    """Accuracy by student and regime."""
    found, rows = ladder(tables), tables.headline("accuracy")
    figure = Figure(figsize=(style.WIDE, 2.9))
    axes, teachers = figure.subplots(), tables.of_role("teacher")
    rungs.panel(axes, found, rows, None)
    for teacher in teachers:
        rungs.level(axes, estimate(teacher, rows), style.BLACK, "--")
    axes.set_ylabel("Test accuracy")
    levels = {"the teacher": (style.BLACK, "--")} if teachers else {}
    rungs.legend(figure, found, levels, null=False)
    return figure, estimates([*found.drawn, *teachers], rows).assign(measure="accuracy")
