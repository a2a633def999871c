"""What the weight α and the size of the student change: accuracy, parts, focus."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from distilscope.analyses.sweeps.regimes import Ladder, Regime, ladder
from distilscope.reporting import names, style
from distilscope.reporting.cells import Cell, Estimate, estimate, estimates
from distilscope.reporting.figures import Drawing, drawing, heading
from distilscope.reporting.tables import Tables

ONE_WEIGHT = "students were distilled with one weight α only"
CHANCE = "chance: the top parts' share of the pixels"
NO_PARTS = "the study measures nothing over parts"
COLOURS = (style.SKY, style.BLUE, style.GREEN, style.VERMILION)
WIDTH = 0.72  # of a student's group on the axis
BESIDE = 0.22  # of the way to the next regime: where a null stands, clear of its own mark


def fig_regimes(tables: Tables) -> Drawing:
    """Accuracy by student and regime."""
    name = "regimes"
    found = ladder(tables)
    if found is None:
        return style.empty(heading(name, tables), ONE_WEIGHT, tables.scale)
    figure = Figure(figsize=(style.WIDE, 2.9))
    style.title(figure, heading(name, tables), tables.scale)
    axes, rows = figure.subplots(), tables.headline("accuracy")
    lines = [(cell, "--") for cell in tables.cells if cell.role == "teacher"]
    _panel(axes, found, rows, None)
    for cell, line in lines:
        _level(axes, estimate(cell, rows), style.BLACK, line)
    axes.set_ylabel("Test accuracy")
    _legend(figure, found, {"the teacher": (style.BLACK, "--")} if lines else {}, null=False)
    cells = [*found.drawn, *(cell for cell, _ in lines)]
    return figure, estimates(cells, rows).assign(measure="accuracy")


def fig_part_alignment(tables: Tables) -> Drawing:
    """Spearman's ρ of part importances by student and regime, a panel a method."""
    return _over_parts(
        tables,
        "part-alignment",
        measures=("part_rho", "null_part_rho"),
        words=tables.of_parts("ρ of part importances"),
        teacher=None,
    )


def fig_part_focus(tables: Tables) -> Drawing:
    """Mass inside the teacher's top parts by student and regime, a panel a method."""
    return _over_parts(
        tables,
        "part-focus",
        measures=("focus", "null_focus", "focus_chance"),
        words=tables.of_parts("Share in the teacher's top parts"),
        teacher="focus",
    )


def _over_parts(
    tables: Tables, name: str, *, measures: tuple[str, ...], words: str, teacher: str | None
) -> Drawing:
    found = ladder(tables)
    methods = tables.part_methods
    if not methods or found is None:
        why = ONE_WEIGHT if methods else NO_PARTS
        return style.empty(heading(name, tables), why, tables.scale)
    figure = Figure(figsize=(style.WIDE, 0.9 + 1.75 * len(methods)))
    style.title(figure, heading(name, tables), tables.scale)
    all_axes = figure.subplots(len(methods), 1, squeeze=False, sharex=True).ravel()
    parts, levels = [], {}
    floors = [cell for cell in tables.cells if cell.role in ("twin", "floor")]
    teachers = [cell for cell in tables.cells if cell.role == "teacher"]
    for axes, method in zip(all_axes, methods, strict=True):
        rows = {m: tables.headline(m, method=method) for m in measures}
        value, null, *chance = measures
        _panel(axes, found, rows[value], rows[null])
        for cell in floors:
            looks = {"twin": (style.GREY, "--"), "floor": (style.PURPLE, ":")}[cell.role]
            if _level(axes, estimate(cell, rows[value]), *looks):
                levels["the twin" if cell.role == "twin" else "untrained"] = looks
        for cell in teachers if teacher else []:
            if _level(axes, estimate(cell, rows[value]), style.BLACK, "--"):
                levels["the teacher itself"] = (style.BLACK, "--")
        for measure in chance:
            for cell in teachers[:1]:
                if _level(axes, estimate(cell, rows[measure]), style.ORANGE, (0, (1, 3))):
                    levels[tables.of_parts(CHANCE)] = (style.ORANGE, (0, (1, 3)))
        axes.set_title(names.method(method))
        axes.set_ylabel(words, fontsize=6.5)
        for measure in measures:
            cells = list(dict.fromkeys([*found.drawn, *floors, *teachers]))
            parts.append(estimates(cells, rows[measure]).assign(measure=measure, method=method))
    _legend(figure, found, levels, null=True)
    return figure, pd.concat(parts, ignore_index=True)


def _panel(axes, found: Ladder, rows: pd.DataFrame, nulls: pd.DataFrame | None) -> None:
    """A point for each student and regime, with its interval and its null."""
    step = WIDTH / max(len(found.regimes) - 1, 1)
    for place, student in enumerate(found.students):
        for order, regime in enumerate(found.regimes):
            cell = found.cell(student, regime)
            if cell is None:
                continue
            at = place - WIDTH / 2 + order * step
            color, fill = _look(found, regime, cell)
            null = estimate(cell, nulls) if nulls is not None else None
            if null is not None and null.defined:
                looks = {"marker": "D", "mfc": "white", "mec": color, "ms": 3}
                axes.plot(at + BESIDE * step, null.value, **looks, zorder=2)
            own = estimate(cell, rows)
            if own.defined:
                drawing.whiskers(axes, at, own, horizontal=False, color=color)
                axes.plot(at, own.value, marker="o", mfc=fill, mec=color, ms=4.5, zorder=4)
            else:
                axes.annotate("×", (at, 0), color=style.GREY, ha="center")
    labels = [style.printable(name, f"student {i + 1}") for i, name in enumerate(found.students)]
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y", color=style.PALE, lw=0.4)


def _look(found: Ladder, regime: Regime, cell: Cell) -> tuple[str, str]:
    """Edge and fill: a colour for each α, hollow at temperatures other than the commonest."""
    if cell.role == "twin":
        return style.GREY, style.GREY
    if regime.T is None:
        return style.ORANGE, style.ORANGE
    weights = sorted({r.alpha for r in found.regimes if r.T is not None})
    color = COLOURS[weights.index(regime.alpha) % len(COLOURS)]
    return color, color if _main(found) == regime.T else "white"


def _main(found: Ladder) -> float:
    """The T that most cells have, the highest of equals."""
    counts: dict[float, int] = {}
    for _, regime in found.cells:
        if regime.T is not None:
            counts[regime.T] = counts.get(regime.T, 0) + len(found.cells[_, regime].models)
    return max(counts, key=lambda T: (counts[T], T))


def _level(axes, found: Estimate, color: str, line) -> bool:
    if found.defined:
        axes.axhline(found.value, color=color, lw=0.9, ls=line, zorder=0)
    return found.defined


def _legend(figure: Figure, found: Ladder, levels: dict, *, null: bool) -> None:
    handles = []
    for regime in found.regimes:
        cell = next(c for (_, r), c in found.cells.items() if r == regime)
        color, fill = _look(found, regime, cell)
        looks = {"ls": "", "marker": "o", "mec": color, "mfc": fill, "ms": 4.5}
        handles.append(Line2D([], [], label=regime.words, **looks))
    if found.retrained:
        words = "the teacher's network retrained"
        handles.append(Line2D([], [], ls="", marker="o", color=style.GREY, ms=4.5, label=words))
    if null:
        looks = {"ls": "", "marker": "D", "mfc": "white", "mec": style.GREY, "ms": 3}
        handles.append(Line2D([], [], label="its null, right of it", **looks))
    for words, (color, line) in levels.items():
        handles.append(Line2D([], [], color=color, ls=line, lw=0.9, label=words))
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
