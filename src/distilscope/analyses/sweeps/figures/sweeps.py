"""What changes with the size of the student and with the temperature."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import matplotlib.ticker
import pandas as pd
from matplotlib.figure import Figure

from distilscope.reporting import style
from distilscope.reporting.conditions import Condition, Estimate, estimate, estimates
from distilscope.reporting.figures import Drawing, NothingToDraw, drawing
from distilscope.reporting.formatting import short_count
from distilscope.reporting.tables import Tables

COMPRESSION = (
    ("accuracy", "Accuracy", ("teacher",)),
    ("image_specific_rho", "Image-specific ρ", ("twin", "floor")),
    ("rho", "Raw ρ", ("twin", "floor")),
)
TEMPERATURE = (
    ("accuracy", "Accuracy"),
    ("ece", "ECE"),
    ("image_specific_rho", "Image-specific ρ"),
    ("rho", "Raw ρ"),
)


def fig_compression(tables: Tables) -> Drawing:
    """Accuracy and consistency over the number of parameters."""
    trained = tables.of_role("student", "control")
    numbers = {measure: tables.headline(measure) for measure, _, _ in COMPRESSION}
    panels = [panel for panel in COMPRESSION if _any_value(trained, numbers[panel[0]])]
    if not panels:
        raise NothingToDraw("no accuracy or consistency of a student is defined")
    figure = Figure(figsize=(style.WIDE, 2.75))
    all_axes, parts = figure.subplots(1, len(panels), squeeze=False).ravel(), []
    for axes, (measure, words, beside) in zip(all_axes, panels, strict=True):
        rows = numbers[measure]
        _size_panel(axes, trained, rows)
        levels = tables.of_role(*beside)
        _levels(axes, levels, rows)
        axes.set_title(words)
        axes.set_xlabel("Parameters")
        parts.append(estimates([*trained, *levels], rows).assign(measure=measure))
    handles = _unique_handles(all_axes)
    figure.legend(*handles, loc="outside lower center", ncols=min(6, len(handles[0])))
    return figure, pd.concat(parts, ignore_index=True)


def _size_panel(axes, trained: list[Condition], rows: pd.DataFrame) -> None:
    shared = _commonest_temperature(trained)
    for words, belongs, color, marker, line, fill in (
        (f"distilled, T={shared:g}", _at(shared), style.BLUE, "o", "-", style.BLUE),
        ("labels only", lambda c: c.role == "control", style.ORANGE, "s", "-.", style.ORANGE),
        ("distilled, other T", _not_at(shared), style.BLUE, "o", "", "white"),
        ("given", lambda c: c.given, style.BLUE, "D", "", style.BLUE),
    ):
        points = [(c.parameters, estimate(c, rows)) for c in trained if belongs(c)]
        _line(axes, points, color, label=words, marker=marker, ls=line, mfc=fill)
    sizes = sorted({condition.parameters for condition in trained})
    _log_axis(axes, sizes, [short_count(size) for size in sizes], room=1.5)


def _line(axes, points: list[tuple[float, Estimate]], color: str, **looks: Any) -> None:
    """The defined values with their intervals over a number, from the smallest on."""
    known = sorted((point for point in points if point[1].defined), key=lambda point: point[0])
    for place, found in known:
        drawing.whiskers(axes, place, found, horizontal=False, color=color)
    values = [found.value for _, found in known]
    axes.plot([place for place, _ in known], values, color=color, zorder=3, **looks)


def _log_axis(axes, places: list[float], names: list[str], room: float) -> None:
    axes.set_xscale("log")
    axes.set_xticks(places, names)
    axes.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axes.set_xlim(min(places) / room, max(places) * room)


def _at(T: float) -> Callable[[Condition], bool]:
    return lambda found: found.role == "student" and found.number("T") == T


def _not_at(T: float) -> Callable[[Condition], bool]:
    return lambda found: found.role == "student" and not found.given and found.number("T") != T


def _commonest_temperature(trained: list[Condition]) -> float:
    """The T that most sizes were distilled at, the middle one of equals; NaN where none has a T."""
    found = (condition.number("T") for condition in trained if condition.role == "student")
    counts = Counter(T for T in found if T is not None)
    best = sorted(T for T, n in counts.items() if n == max(counts.values()))
    return best[(len(best) - 1) // 2] if best else math.nan


def _levels(axes, beside: list[Condition], rows: pd.DataFrame) -> None:
    """Horizontal lines for models that stand beside the sweep."""
    looks = {
        "teacher": (style.BLACK, "--"),
        "twin": (style.GREY, "--"),
        "control": (style.ORANGE, "-."),
        "floor": (style.PURPLE, ":"),
    }
    drawn = set()
    for condition in beside:
        found, role = estimate(condition, rows), condition.role
        if not found.defined:
            continue
        color, line = looks[role]
        words = {"control": "labels only", "floor": "untrained"}.get(role, role)
        axes.axhline(
            found.value, color=color, ls=line, lw=1, label=None if words in drawn else words
        )
        if math.isfinite(found.low) and math.isfinite(found.high):
            axes.axhspan(found.low, found.high, color=color, alpha=0.12, lw=0)
        drawn.add(words)


def _unique_handles(all_axes) -> tuple[list, list[str]]:
    """Legend entries of all panels, each once, of those that have points."""
    found = {}
    for axes in all_axes:
        for handle, words in zip(*axes.get_legend_handles_labels(), strict=True):
            if len(handle.get_xdata()):
                found.setdefault(words, handle)
    return list(found.values()), list(found)


def fig_temperature(tables: Tables) -> Drawing:
    """One student over the temperatures that it was distilled at."""
    swept = _most_swept(tables.of_role("student"))
    network = swept[0].network
    controls = [found for found in tables.of_role("control") if found.network == network]
    numbers = {measure: tables.headline(measure) for measure, _ in TEMPERATURE}
    panels = [panel for panel in TEMPERATURE if _any_value(swept, numbers[panel[0]])]
    if not panels:
        raise NothingToDraw("no accuracy or consistency of the student is defined")
    figure = Figure(figsize=(style.WIDE, 2.4))
    figure.suptitle(style.printable(network, "one student"))
    all_axes, parts = figure.subplots(1, len(panels), squeeze=False).ravel(), []
    for axes, (measure, words) in zip(all_axes, panels, strict=True):
        rows = numbers[measure]
        levels = (
            controls if measure in ("accuracy", "ece") else [*controls, *tables.of_role("twin")]
        )
        _temperature_panel(axes, swept, rows)
        _levels(axes, levels, rows)
        axes.set_title(words)
        axes.set_xlabel("Temperature T")
        shown = [*swept, *levels]
        temperatures = [condition.number("T") for condition in shown]
        parts.append(estimates(shown, rows).assign(T=temperatures, measure=measure))
    handles = _unique_handles(all_axes)
    figure.legend(*handles, loc="outside lower center", ncols=len(handles[0]))
    return figure, pd.concat(parts, ignore_index=True)


def _any_value(conditions: list[Condition], rows: pd.DataFrame) -> bool:
    return any(estimate(condition, rows).defined for condition in conditions)


def _most_swept(students: list[Condition]) -> list[Condition]:
    """The conditions of the network (teacher and α) that has the most temperatures, by T."""
    groups: dict[tuple, list[Condition]] = {}
    for condition in students:
        if condition.number("T") is not None:
            alike = (condition.network, condition.row["teachers"], condition.number("alpha"))
            groups.setdefault(alike, []).append(condition)
    best = max(groups.values(), key=lambda group: (len(group), group[0].parameters))
    return sorted(best, key=lambda condition: condition.number("T"))


def _temperature_panel(axes, swept: list[Condition], rows: pd.DataFrame) -> None:
    points = [(condition.number("T"), estimate(condition, rows)) for condition in swept]
    _line(axes, points, style.BLUE, label="distilled", marker="o")
    _log_axis(axes, [T for T, _ in points], [f"{T:g}" for T, _ in points], room=1.3)
