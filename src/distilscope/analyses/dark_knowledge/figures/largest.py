"""What each arm makes of the largest teacher: accuracy before and after."""

from __future__ import annotations

from matplotlib.figure import Figure

from distilscope.reporting import style
from distilscope.reporting.figures import Drawing, NothingToDraw
from distilscope.reporting.tables import Tables


def fig_largest(tables: Tables) -> Drawing:
    """A table: students down, arms across, each with its interval over seeds."""
    rows = tables["arms"]
    if not len(rows):
        raise NothingToDraw("no arm was tuned")
    largest = rows.sort_values(["parameters", "teacher"])["teacher"].iloc[-1]
    own = rows[rows["teacher"] == largest]
    arms, students = list(dict.fromkeys(own["arm"])), list(dict.fromkeys(own["student"]))
    figure = Figure(figsize=(style.WIDE, 0.9 + 0.35 * len(students)))
    axes = figure.subplots()
    axes.set_axis_off()
    cells = [[_cell(own, student, arm) for arm in arms] for student in students]
    table = axes.table(
        cells,
        rowLabels=[style.printable(name, f"student {i + 1}") for i, name in enumerate(students)],
        colLabels=arms,
        loc="center",
        edges="horizontal",
    )
    table.auto_set_font_size(False)
    table.set_fontsize(style.RC["font.size"])
    table.scale(1, 1.4)
    figure.suptitle(style.printable(largest, "the largest"))
    return figure, own.reset_index(drop=True)


def _cell(own, student: str, arm: str) -> str:
    found = own[(own["student"] == student) & (own["arm"] == arm)]
    if not len(found) or not found["accuracy"].notna().any():
        return "–"
    row = found.iloc[0]
    value = f"{100 * row['accuracy']:.1f}"
    half = 100 * (row["high"] - row["accuracy"])
    return f"{value} ± {half:.1f}" if half == half else value
