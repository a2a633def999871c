"""The one table that a reader looks at first: a row a recipe, the best of each column marked."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from distilscope.analyses.parts import section as parts
from distilscope.reporting import verdicts
from distilscope.reporting.cells import Cell, Estimate, estimate
from distilscope.reporting.names import ascii_only
from distilscope.reporting.reading import read
from distilscope.reporting.tables import Tables

MEANINGS: Mapping[str, str] = {
    "accuracy": "share of test images that the model gets right",
    "ece": "expected calibration error: how far confidence is from the share that is right",
    "agreement": "share of test images on which the model predicts what its teacher predicts",
    "kl_teacher_student": "KL divergence from the teacher's probabilities to the model's, in nats",
    "image_specific_rho": "rank correlation of the model's and the teacher's maps after each "
    "model's usual map of the class is taken away; models that share nothing beyond the class have "
    "0 by construction",
    "image_specific_rho.ratio": "image-specific ρ over the twin's: 1 is as alike as a twin",
    "rho": "rank correlation of the two maps as they are; read it beside its null",
    "null_rho": "the raw ρ of the same two models on shuffled pairs of images of one class: what "
    "the class alone explains",
    "iou20": "overlap of the top 20 % of pixels of both maps; unrelated maps score about 0.11",
}
MARKED = ("accuracy", "ece", "agreement", "kl_teacher_student", "image_specific_rho", "iou20")
TRADED = ("accuracy", "ece", "image_specific_rho")


@dataclass(frozen=True)
class Row:
    """A recipe in the summary.

    Attributes:
        cell: the recipe.
        ratio: parameters of the teacher over its own; NaN without a teacher.
        numbers: measure -> its estimate.
        best: measures in which it is told apart from every other student and control as the best:
            their intervals don't overlap.
        efficient: no student or control is at least as good in size, accuracy, ECE and
            image-specific ρ together and better in one (it lies on the Pareto front), by their
            values without the intervals.
    """

    cell: Cell
    ratio: float
    numbers: Mapping[str, Estimate]
    best: frozenset[str]
    efficient: bool


def summarise(tables: Tables) -> list[Row]:
    """The rows of the summary, in the order of every figure."""
    headline = {measure: tables.headline(measure) for measure in MEANINGS}
    numbers = {
        cell: {measure: estimate(cell, rows) for measure, rows in headline.items()}
        for cell in tables.cells
    }
    teacher = next((cell.parameters for cell in tables.cells if cell.role == "teacher"), 0)
    rivals = [cell for cell in tables.cells if cell.role in ("student", "control")]
    front = _front(rivals, numbers)
    leaders = {m: _leader(m, rivals, numbers) for m in MARKED}
    return [
        Row(
            cell=cell,
            ratio=teacher / cell.parameters if teacher and cell.parameters else math.nan,
            numbers=numbers[cell],
            best=frozenset(m for m, leader in leaders.items() if leader is cell),
            efficient=cell in front,
        )
        for cell in tables.cells
    ]


def _goodness(measure: str, found: Estimate) -> float:
    return -found.value if registry.measures()[measure].better == "lower" else found.value


def _leader(measure: str, rivals: Iterable[Cell], numbers: Mapping) -> Cell | None:
    """The rival whose interval lies on the better side of all others'; None where intervals overlap
    or are missing, and where there is nobody to be better than.
    """
    found = {c: numbers[c][measure] for c in rivals if numbers[c][measure].defined}
    if len(found) < 2:
        return None
    best = max(found, key=lambda cell: _goodness(measure, found[cell]))
    own = found[best]
    others = [other for cell, other in found.items() if cell is not best]
    lower = registry.measures()[measure].better == "lower"
    apart = all(own.high < other.low if lower else own.low > other.high for other in others)
    return best if apart else None


def _front(rivals: list[Cell], numbers: Mapping) -> list[Cell]:
    """Rivals that no other dominates in size, accuracy, ECE and image-specific ρ."""
    points = {
        cell: (-cell.parameters, *(_goodness(m, numbers[cell][m]) for m in TRADED))
        for cell in rivals
    }
    points = {c: p for c, p in points.items() if all(math.isfinite(value) for value in p)}
    return [
        cell
        for cell, own in points.items()
        if not any(
            other != own and all(theirs >= mine for theirs, mine in zip(other, own, strict=True))
            for other in points.values()
        )
    ]


# ------------------------------------------------------------------------------ for a terminal

WIDEST = 100
NAME = 22


def summary_table(tables_folder: Path) -> str:
    """The summary as aligned plain text, at most 100 columns wide, for the end of a run."""
    return text(read(Path(tables_folder), None, {"scale": "laptop"}))


def text(tables: Tables) -> str:
    """The same of tables that are read already."""
    rows = summarise(tables)
    lines = [_HEADER, *(_cells_of(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEADER))]
    aligned = [_aligned(line, widths) for line in lines]
    aligned.insert(1, "  ".join("-" * width for width in widths))
    notes = (
        "* better than every other student and control, with intervals that don't overlap.",
        "isrho: image-specific rho [95 % interval].",
        f"Alignment is on {tables.subset_words}.",
        "rho (null): raw rho, and the same with images shuffled within the class.",
        *textwrap.wrap(ascii_only(parts.answer(tables)), WIDEST),
    )
    return "\n".join([*aligned, *notes, *verdicts.lines(tables)]) + "\n"


_HEADER = (
    *("model", "params", "acc %", "ECE", "agree", "KL"),
    *("isrho", "rho (null)", "IoU"),
)


def _cells_of(row: Row) -> tuple[str, ...]:
    name = ascii_only(row.cell.label)
    name = name if len(name) <= NAME else name[: NAME - 1] + "~"
    null = _plain(row.numbers["null_rho"].value, "{:.2f}")
    return (
        name,
        short_count(row.cell.parameters),
        _marked(row, "accuracy", "{:.1f}", 100),
        _marked(row, "ece", "{:.3f}"),
        _marked(row, "agreement", "{:.2f}"),
        _marked(row, "kl_teacher_student", "{:.2f}"),
        _interval(row),
        _plain(row.numbers["rho"].value, "{:.2f}") + (f" ({null})" if null != "-" else ""),
        _marked(row, "iou20", "{:.2f}"),
    )


def _marked(row: Row, measure: str, form: str, times: float = 1.0) -> str:
    text = _plain(row.numbers[measure].value * times, form)
    return text + ("*" if measure in row.best else " ")


def _plain(value: float, form: str) -> str:
    return form.format(value) if math.isfinite(value) else "-"


def _interval(row: Row) -> str:
    found = row.numbers["image_specific_rho"]
    text = _marked(row, "image_specific_rho", "{:.2f}").rstrip()
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return text
    return f"{text} [{found.low:.2f}, {found.high:.2f}]"


def _aligned(line: tuple[str, ...], widths: list[int]) -> str:
    """The name to the left, numbers to the right with room for the mark of the best."""
    first, *others = line
    columns = [first.ljust(widths[0])]
    for text, width in zip(others, widths[1:], strict=True):
        columns.append(text.rjust(width))
    return "  ".join(columns).rstrip()


def short_count(count: float) -> str:
    """94762 -> 95k, 23520842 -> 23.5M; a dash where the count is unknown."""
    if not count or not math.isfinite(count):
        return "-"
    if count >= 1e6:
        return f"{count / 1e6:.1f}M"
    return f"{count / 1e3:.0f}k" if count >= 1e3 else f"{count:.0f}"
