"""Each measure of alignment for every model, beside what scores without any shared reasoning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from distilscope.analyses.alignment.places import at
from distilscope.reporting.conditions import Condition, Estimate, estimate
from distilscope.reporting.grid import Grid
from distilscope.reporting.spelling import number, spell
from distilscope.reporting.tables import Tables

COLUMNS = {
    "image_specific_rho": "Image-specific ρ",
    "rho": "Raw ρ",
    "iou05": "IoU 5 %",
    "iou10": "IoU 10 %",
    "iou20": "IoU 20 %",
    "iou30": "IoU 30 %",
    "iou50": "IoU 50 %",
    "mass_lift20": "Mass lift 20 %",
    "cosine": "Cosine",
}
TRIVIAL = {"gaussian": "A centred Gaussian", "edges": "The edges of the image"}
NULLS = {
    "null": "another image of the class",
    "null_other": "an image of another class",
}
PLACES = (
    ("Last block, at input resolution", "input", 0),
    ("Last block, at its native grid", "native", 0),
    ("The block before, at input resolution", "input", 1),
    ("The block before, at its native grid", "native", 1),
)


@dataclass(frozen=True)
class Line:
    """A row of the table: `null` says that it is what the model above it scores by chance."""

    label: str
    null: bool
    numbers: tuple[Estimate, ...]

    @property
    def defined(self) -> bool:
        """Whether any number is there."""
        return any(number.defined for number in self.numbers)


@dataclass(frozen=True)
class Block:
    """One layer at one resolution."""

    title: str
    lines: tuple[Line, ...]


def blocks(tables: Tables) -> list[Block]:
    """A block for each place at which maps were compared."""
    found = [
        Block(title, tuple(line for line in _lines(tables, resolution, depth) if line.defined))
        for title, resolution, depth in PLACES
    ]
    return [block for block in found if block.lines]


def context(tables: Tables) -> Mapping[str, Any] | None:
    """The section; None where no maps were compared."""
    found = blocks(tables)
    if not found:
        return None
    return {"subset": tables.subset_words, "grids": [_grid(block) for block in found]}


def _grid(block: Block) -> Grid:
    return Grid(
        block.title,
        ("Model", *COLUMNS.values()),
        [_cells(line) for line in block.lines],
        style="comparison",
        row_styles=["null" if line.null else "" for line in block.lines],
    )


def _cells(line: Line) -> tuple[str, ...]:
    """The first number with its interval."""
    first, *others = line.numbers
    own = number(first.value, "{:.2f}") if line.null else spell(first, "{:.2f}")
    return (line.label, own, *(number(found.value, "{:.2f}") for found in others))


def _lines(tables: Tables, resolution: str, depth: int) -> Iterator[Line]:
    rows = {
        name: at(tables, name, resolution, depth)
        for stem in ("", *NULLS, *TRIVIAL)
        for name in _names(stem)
    }

    def line(label: str, condition: Condition, stem: str = "") -> Line:
        numbers = tuple(estimate(condition, rows[name]) for name in _names(stem))
        return Line(label, stem in NULLS, numbers)

    for condition in tables.conditions:
        if condition.role != "teacher":
            yield line(condition.label, condition)
            for stem, words in NULLS.items():
                yield line(f"{condition.label}: {words}", condition, stem)
    for stem, words in TRIVIAL.items():
        for teacher in tables.of_role("teacher")[:1]:
            yield line(words, teacher, stem)


def _names(stem: str) -> list[str]:
    return [f"{stem}_{name}" if stem else name for name in COLUMNS]
