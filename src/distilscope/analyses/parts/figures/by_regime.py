"""Likeness over parts by student and weight of the teacher, a panel a method."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from distilscope.analyses.parts import rows as over_parts
from distilscope.analyses.parts.rows import wording
from distilscope.analyses.sweeps.figures import rungs
from distilscope.analyses.sweeps.regimes import ladder
from distilscope.reporting import names, style
from distilscope.reporting.conditions import estimate, estimates
from distilscope.reporting.figures import Drawing
from distilscope.reporting.tables import Tables

CHANCE = "chance: the top parts' share of the pixels"
FLOORS = {"twin": ("the twin", style.GREY, "--"), "floor": ("untrained", style.PURPLE, ":")}


def fig_part_alignment(tables: Tables) -> Drawing:
    """Spearman's ρ of part importances by student and regime, a panel a method."""
    words = wording("ρ of part importances", tables)
    return _by_regime(tables, "part_rho", "null_part_rho", words)


def fig_part_focus(tables: Tables) -> Drawing:
    """Mass inside the teacher's top parts by student and regime, a panel a method."""
    words = wording("Share in the teacher's top parts", tables)
    return _by_regime(tables, "focus", "null_focus", words, of_teacher=("focus", "focus_chance"))


def _by_regime(
    tables: Tables, measure: str, null: str, words: str, of_teacher: tuple[str, ...] = ()
) -> Drawing:
    """A panel a method; `of_teacher` are the teacher's own number and that of a level map."""
    found, methods = ladder(tables), over_parts.methods(tables)
    figure = Figure(figsize=(style.WIDE, 0.9 + 1.75 * len(methods)))
    all_axes = figure.subplots(len(methods), 1, squeeze=False, sharex=True).ravel()
    floors, teachers = tables.of_role("twin", "floor"), tables.of_role("teacher")
    looks = [("the teacher itself", style.BLACK, "--")]
    looks.append((wording(CHANCE, tables), style.ORANGE, (0, (1, 3))))
    shown = list(dict.fromkeys([*found.drawn, *floors, *teachers]))
    parts, levels = [], {}
    for axes, method in zip(all_axes, methods, strict=True):
        rows = {
            name: over_parts.rows_of(tables, name, method)
            for name in dict.fromkeys((measure, null, *of_teacher))
        }
        rungs.panel(axes, found, rows[measure], rows[null])
        lines = [(FLOORS[c.role], c, measure) for c in floors]
        lines += [
            (look, teacher, name)
            for look, name in zip(looks, of_teacher, strict=False)
            for teacher in teachers[:1]
        ]
        for (label, *look), condition, name in lines:
            if rungs.level(axes, estimate(condition, rows[name]), *look):
                levels[label] = tuple(look)
        axes.set_title(names.method(method))
        axes.set_ylabel(words, fontsize=6.5)
        parts += [estimates(shown, own).assign(measure=n, method=method) for n, own in rows.items()]
    rungs.legend(figure, found, levels, null=True)
    return figure, pd.concat(parts, ignore_index=True)
