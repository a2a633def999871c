"""Do students that say what their teacher says also look where it looks?"""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from distilscope.reporting import names, style
from distilscope.reporting.cells import estimate
from distilscope.reporting.figures import Drawing, drawing, heading
from distilscope.reporting.tables import Tables

ROLES = ("student", "control")
COLUMNS = 2
OUTPUTS = "logit_rho"
GRADCAM = "gradcam"


def fig_covariation(tables: Tables) -> Drawing:
    """Likeness of logits against likeness of maps, a point a cell, a panel a measure."""
    name = "covariation"
    cells = [cell for cell in tables.cells if cell.role in ROLES]
    rows = tables.headline(OUTPUTS)
    words = tables.of_parts("ρ of part importances")
    panels = [("image_specific_rho", None, f"Image-specific ρ, {names.method(GRADCAM)}")]
    panels += [("part_rho", m, f"{words}, {names.method(m)}") for m in tables.part_methods]
    found = [
        (measure, method, words, _points(tables, cells, rows, measure, method))
        for measure, method, words in panels
    ]
    found = [panel for panel in found if len(panel[3]) > 1]
    if not found:
        why = "fewer than two students have both likenesses to a teacher"
        return style.empty(heading(name, tables), why, tables.scale)
    figure, all_axes = drawing.panels(len(found), COLUMNS, height=2.5)
    style.title(figure, heading(name, tables), tables.scale)
    students = list(dict.fromkeys(cell.student for cell in cells))
    for axes, (measure, method, words, points) in zip(all_axes, found, strict=True):
        _panel(axes, points, students)
        axes.set_title(words)
        axes.set_xlabel("Spearman's ρ of logits")
        axes.text(
            *(0.03, 0.97),
            _tested(tables, measure, method),
            transform=axes.transAxes,
            va="top",
            fontsize=6.5,
        )
    _legend(figure, students)
    numbers = [
        p.assign(measure=measure, method=method or GRADCAM) for measure, method, _, p in found
    ]
    return figure, pd.concat(numbers, ignore_index=True)


def _points(tables: Tables, cells: list, rows, measure: str, method: str | None) -> pd.DataFrame:
    maps = tables.headline(measure, method=method)
    records = []
    for cell in cells:
        x, y = estimate(cell, rows), estimate(cell, maps)
        if x.defined and y.defined:
            who = {"model": cell.label, "role": cell.role, "student": cell.student}
            records.append({**who, "T": cell.T, "alpha": cell.alpha, "x": x.value, "y": y.value})
    return pd.DataFrame.from_records(records)


def _panel(axes, points: pd.DataFrame, students: list[str]) -> None:
    for row in points.to_dict("records"):
        place = students.index(row["student"])
        color = style.SERIES_COLOURS[place % len(style.SERIES_COLOURS)]
        marker = style.MARKERS[place % len(style.MARKERS)]
        fill = "white" if row["role"] == "control" else color
        axes.plot(row["x"], row["y"], ls="", marker=marker, mec=color, mfc=fill, ms=5)
    axes.margins(0.12, 0.24)
    axes.locator_params(nbins=5)
    axes.grid(color=style.PALE, lw=0.4)


def _tested(tables: Tables, measure: str, method: str | None) -> str:
    """The rank correlation over cells, and within students, with the permutation p."""
    rows = tables.covariation
    rows = rows[rows["explanations"] == measure]
    rows = rows[rows["method"] == (method or GRADCAM)]
    if method is not None:
        rows = rows[rows["variant"] == tables.parts_headline["variant"]]
    lines = []
    for row in rows.sort_values("within", na_position="first").to_dict("records"):
        if isinstance(row["within"], str):
            lines.append(f"within students: p {_p(row['p'], row['smallest_p'])}")
        else:
            lines.append(
                f"ρ = {row['rho']:.2f} over {row['n']} cells, p {_p(row['p'], row['smallest_p'])}"
            )
    return "\n".join(lines).replace("-", "−")


def _p(value: float, smallest: float) -> str:
    if math.isnan(value):
        return "undefined"
    return f"< {max(smallest, 1e-4):.1g}" if value < 1e-4 else f"= {value:.2g}"


def _legend(figure: Figure, students: list[str]) -> None:
    handles = []
    for place, student in enumerate(students):
        color = style.SERIES_COLOURS[place % len(style.SERIES_COLOURS)]
        marker = style.MARKERS[place % len(style.MARKERS)]
        words = style.printable(student, f"student {place + 1}")
        handles.append(Line2D([], [], ls="", marker=marker, color=color, label=words))
    looks = {"ls": "", "marker": "o", "mec": style.GREY, "mfc": "white"}
    handles.append(Line2D([], [], label="hollow: labels only", **looks))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(5, len(handles)))
