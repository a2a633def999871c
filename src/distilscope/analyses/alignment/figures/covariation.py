"""Do students that say what their teacher says also look where it looks?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from distilscope.reporting import names, style
from distilscope.reporting.conditions import estimate
from distilscope.reporting.figures import Drawing, NothingToDraw, drawing
from distilscope.reporting.tables import Tables

COLUMNS = 2
OUTPUTS = "logit_rho"
TOO_FEW = "fewer than two students have both likenesses to a teacher"


@dataclass(frozen=True)
class Panel:
    """A measure of maps by one method: its points, and the tests of that."""

    measure: str
    method: str
    points: pd.DataFrame
    tested: pd.DataFrame

    @property
    def title(self) -> str:
        """`Image-specific ρ, GradCAM`."""
        return f"{names.measure(self.measure)}, {names.method(self.method)}"


def fig_covariation(tables: Tables) -> Drawing:
    """Likeness of logits against likeness of maps, a point a condition, a panel a measure."""
    panels = _panels(tables)
    if not panels:
        raise NothingToDraw(TOO_FEW)
    figure, all_axes = drawing.panels(len(panels), COLUMNS, height=2.5)
    students = list(dict.fromkeys(c.network for c in tables.of_role("student", "control")))
    for axes, panel in zip(all_axes, panels, strict=True):
        _panel(axes, panel.points, students)
        axes.set_title(panel.title)
        axes.set_xlabel("Spearman's ρ of logits")
        words = {"transform": axes.transAxes, "va": "top", "fontsize": 6.5}
        axes.text(0.03, 0.97, _tested(panel.tested), **words)
    _legend(figure, students)
    numbers = [panel.points.assign(measure=panel.measure, method=panel.method) for panel in panels]
    return figure, pd.concat(numbers, ignore_index=True)


def _panels(tables: Tables) -> list[Panel]:
    """Each measure that was tested, by each method, at the headline's variant; its method first."""
    found = []
    for measure, tested in tables["covariation"].groupby("explanations", sort=False):
        headline = tables.headline(measure)
        variant, method = (_only(headline[name]) for name in ("variant", "method"))
        tested = tested[tested["variant"].isna() | (tested["variant"] == variant)]
        for name in sorted(set(tested["method"]), key=lambda name: (name != method, name)):
            rows = headline if name == method else _by_method(tables, measure, name, variant)
            own = Panel(measure, name, _points(tables, rows), tested[tested["method"] == name])
            found += [own] if len(own.points) > 1 else []
    return found


def _only(values: pd.Series) -> str | None:
    known = values.dropna().unique()
    return known[0] if len(known) else None


def _by_method(tables: Tables, measure: str, method: str, variant: str | None) -> pd.DataFrame:
    rows = tables.of(measure)
    rows = rows[(rows["method"] == method) & (rows["variant"] == variant)]
    return tables.one_each(rows)


def _points(tables: Tables, maps: pd.DataFrame) -> pd.DataFrame:
    rows, records = tables.of(OUTPUTS), []
    # Of a committee's student both are beside one member: a committee has no maps.
    outputs = tables.one_each(rows[rows["headline"] & (rows["relation"] != "committee")])
    for condition in tables.of_role("student", "control"):
        x, y = estimate(condition, outputs), estimate(condition, maps)
        if x.defined and y.defined:
            who = {"model": condition.label, "condition": condition.key, "role": condition.role}
            records.append({**who, "network": condition.network, "x": x.value, "y": y.value})
    return pd.DataFrame.from_records(records)


def _panel(axes, points: pd.DataFrame, students: list[str]) -> None:
    for row in points.to_dict("records"):
        place = students.index(row["network"])
        color = style.SERIES_COLOURS[place % len(style.SERIES_COLOURS)]
        marker = style.MARKERS[place % len(style.MARKERS)]
        fill = "white" if row["role"] == "control" else color
        axes.plot(row["x"], row["y"], ls="", marker=marker, mec=color, mfc=fill, ms=5)
    axes.margins(0.12, 0.12)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.3 * (high - low))  # the tests' words stand above every point
    axes.locator_params(nbins=5)
    axes.grid(color=style.PALE, lw=0.4)


def _tested(rows: pd.DataFrame) -> str:
    """The rank correlation over conditions, and within networks, with the permutation p."""
    lines = []
    for row in rows.sort_values("within", na_position="first").to_dict("records"):
        p = _p(row["p"], row["smallest_p"])
        if isinstance(row["within"], str):
            lines.append(f"within students: p {p}")
        else:
            lines.append(f"ρ = {row['rho']:.2f} over {row['n']} conditions, p {p}")
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
