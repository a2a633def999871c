"""Does a student answer and reason as its teacher does, beyond being right?"""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from distilscope.analyses.reasoning.figures.beside import draw, name_rows, records, rows_beside
from distilscope.reporting import style
from distilscope.reporting.figures import Drawing, NothingToDraw
from distilscope.reporting.tables import Tables

FIDELITY = {
    "answer_agreement_excess": ("agreement of answers\nbeyond both accuracies", None),
    "choice_agreement_excess": ("of choices", None),
    "step_fidelity": ("teacher's steps taken", "step_fidelity_null"),
    "token_kl": ("KL on gold text, nats", None),
}
PLANTED = {
    "planted_errors_copied": ("the teacher's planted\nerrors, in answers", None),
    "planted_choices_copied": ("in choices", "planted_choices_copied_null"),
    "procedure_copied": ("steps of the other\nprocedure", None),
}


def fig_fidelity(tables: Tables) -> Drawing:
    """A panel a measure that any model has, a row a condition beside a teacher."""
    return _panels(tables, FIDELITY, "no model was compared with a teacher")


def fig_planted(tables: Tables) -> Drawing:
    """The same of what planted teachers are taught."""
    return _panels(tables, PLANTED, "no teacher does what was planted")


def _panels(tables: Tables, panels: Mapping[str, tuple[str, str | None]], nothing: str) -> Drawing:
    measures = [name for own, (_, null) in panels.items() for name in (own, null) if name]
    rows = rows_beside(tables, measures)
    if not rows:
        raise NothingToDraw(nothing)
    shown = {name: panel for name, panel in panels.items() if any(row.has(name) for row in rows)}
    figure = Figure(figsize=(style.WIDE, 0.9 + 0.19 * len(rows)))
    axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for place, (measure, (words, null)) in zip(axes, shown.items(), strict=True):
        draw(place, rows, measure, null)
        place.set_title(words, fontsize=7)
        if measure.endswith("_excess"):
            place.axvline(0, color=style.GREY, lw=0.5)
        elif measure != "token_kl":
            place.set_xlim(-0.05, 1.05)  # shares, though an interval of few seeds may end beyond
    name_rows(axes[0], rows)
    return figure, records(rows, measures)
