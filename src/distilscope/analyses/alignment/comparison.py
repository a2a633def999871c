"""Each measure of alignment for every model, beside what scores without any shared reasoning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from distilscope.reporting.cells import Estimate, estimate
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


def _lines(tables: Tables, resolution: str, depth: int) -> Iterator[Line]:
    def numbers(cell, stem: str) -> tuple[Estimate, ...]:
        names = [f"{stem}_{name}" if stem else name for name in COLUMNS]
        return tuple(estimate(cell, rows[name]) for name in names)

    stems = ("", *NULLS, *TRIVIAL)
    rows = {
        name: tables.headline(name, resolution=resolution, depth=depth)
        for stem in stems
        for name in (f"{stem}_{measure}" if stem else measure for measure in COLUMNS)
    }
    for cell in tables.cells:
        if cell.role == "teacher":
            continue
        yield Line(cell.label, False, numbers(cell, ""))
        for stem, words in NULLS.items():
            yield Line(f"{cell.label}: {words}", True, numbers(cell, stem))
    teachers = [cell for cell in tables.cells if cell.role == "teacher"]
    for stem, words in TRIVIAL.items():
        for cell in teachers[:1]:
            yield Line(words, False, numbers(cell, stem))
