"""What a study found over parts or regions, in words and as tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from distilscope.reporting import names
from distilscope.reporting.cells import Cell, Estimate, estimate, students_called
from distilscope.reporting.tables import Tables

COLUMNS = {
    "part_rho": "ρ of part importances",
    "null_part_rho": "its null",
    "focus": "Focus",
    "null_focus": "its null",
    "focus_chance": "Level map",
    "focus_odds": "Inside / outside, median",
    "faithfulness": "Faithfulness",
    "null_faithfulness": "its null",
}
BESIDE = ("null_part_rho", "null_focus", "focus_chance", "focus_odds", "null_faithfulness")
SOURCES = {
    "annotated": "Parts are known: whoever made the data drew or marked them.",
    "grid": "Regions are the cells of a grid over the image",
    "foreground": "The one region is the foreground, all that is not black",
    "foreground-grid": "Regions are the cells of a grid over the box around the foreground",
    "superpixels": "Regions are superpixels, which differ from image to image",
}
UNNAMED = "they are cut without knowing what is there, and are no parts of an object."


@dataclass(frozen=True)
class Line:
    """A row of a table: the numbers of a recipe, in the order of `COLUMNS`."""

    label: str
    numbers: tuple[Estimate, ...]


@dataclass(frozen=True)
class Block:
    """The table of one method."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Section:
    """What the report says of parts.

    Attributes:
        heading: of the section.
        about: sentences: what the parts are, and which map and importance stand for them.
        findings: what is wrong with the parts of the images.
        columns: names of the numbers.
        blocks: one for each method, the headline's first.
    """

    heading: str
    about: tuple[str, ...]
    findings: tuple[str, ...]
    columns: tuple[str, ...]
    blocks: tuple[Block, ...]


def section(tables: Tables) -> Section | None:
    """The part of the report over parts; None where the study has none."""
    if not tables.part_methods:
        return None
    blocks = (_block(tables, method) for method in tables.part_methods)
    return Section(
        heading=tables.of_parts("Parts: where the models look"),
        about=tuple(_about(tables)),
        findings=tables.part_findings,
        columns=tuple(tables.of_parts(words) for words in COLUMNS.values()),
        blocks=tuple(block for block in blocks if block.lines),
    )


def _about(tables: Tables) -> Iterator[str]:
    chosen = tables.parts_headline
    words = SOURCES.get(chosen["source"], f"Regions are from {chosen['source']}")
    yield f"{words}; {UNNAMED}" if tables.of_regions else words
    yield tables.of_parts(
        f"The headline is {names.method(chosen['method'])} with the {_counted(tables)} as the "
        "importance of a part: these are in the claims, in the summary and in the heatmap of parts."
    )
    yield tables.of_parts(
        "ρ is the rank correlation of the importances that model and teacher give to the parts of "
        "an image; focus is the share of the model's map inside the teacher's top "
        f"{chosen['top']} parts. Their nulls show the teacher another image of the class, and a "
        "level map has the share of the pixels. Faithfulness is the rank correlation of the "
        "importances with what it costs the same model to lose each part; its null takes the map "
        "of another image. The teacher's own line is of its map inside its own top parts."
    )


def _counted(tables: Tables) -> str:
    return names.importance(tables.parts_headline["variant"])


def _block(tables: Tables, method: str) -> Block:
    rows = {measure: tables.headline(measure, method=method) for measure in COLUMNS}
    lines = [
        Line(cell.label, tuple(_number(cell, rows[measure], measure) for measure in COLUMNS))
        for cell in tables.cells
    ]
    known = tuple(line for line in lines if any(found.defined for found in line.numbers))
    return Block(f"{names.method(method)}, {_counted(tables)}", known)


def _number(cell: Cell, rows: pd.DataFrame, measure: str) -> Estimate:
    """With its interval, unless it stands beside another number to compare that with."""
    found = estimate(cell, rows)
    return replace(found, low=math.nan, high=math.nan) if measure in BESIDE else found


# ---------------------------------------------------------------------------------- the answer


def answer(tables: Tables) -> str:
    """How alike students, label-only networks and the twin weigh parts to the teacher.

    Each number has the null of the same models beside it. Nothing where the study has no parts.
    """
    if not tables.part_methods:
        return ""
    rho, null = tables.headline("part_rho"), tables.headline("null_part_rho")
    found = {cell: (estimate(cell, rho), estimate(cell, null)) for cell in tables.cells}
    groups = {
        "student": f"for {students_called(c for c in tables.cells if c.role == 'student')}",
        "control": "for the same networks trained on labels only",
        "twin": "for the teacher's twin",
        "floor": "for an untrained network",
    }
    said = [
        f"{text} {words}"
        for role, words in groups.items()
        if (text := _span({c: pair for c, pair in found.items() if c.role == role}))
    ]
    if not said:
        return tables.of_parts("Likeness over parts was not measured.")
    return tables.of_parts(
        f"By {names.method(tables.parts_headline['method'])} ({_counted(tables)}), the parts of an "
        f"image are weighed as the teacher weighs them to a ρ of {'; '.join(said)}. The null is "
        "the same pair, the teacher shown another image of the class."
    )


def _span(found: dict[Cell, tuple[Estimate, Estimate]]) -> str:
    """`0.81 (R10; null 0.73) to 0.94 (R26; null 0.80)`, or the one value without a name."""
    known = [(cell, *pair) for cell, pair in found.items() if pair[0].defined]
    ordered = sorted(known, key=lambda each: each[1].value)
    ends = [ordered[0], ordered[-1]] if len(ordered) > 1 else ordered
    named = len(ends) > 1 or any(cell.role in ("student", "control") for cell, *_ in ends)
    return " to ".join(
        f"{_spelled(own)} ({f'{cell.label}; ' if named else ''}null {_spelled(null)})"
        for cell, own, null in ends
    )


def _spelled(found: Estimate) -> str:
    return f"{found.value:.2f}".replace("-", "−") if found.defined else "undefined"
