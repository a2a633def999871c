"""What a study found over parts or regions, in words and as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from distilscope.analyses.parts.rows import (
    are_regions,
    headline,
    importance,
    methods,
    rows_of,
    wording,
)
from distilscope.reporting import names
from distilscope.reporting.conditions import Condition, Estimate, estimate, students_called
from distilscope.reporting.formatting import number, with_interval
from distilscope.reporting.grid import Grid
from distilscope.reporting.tables import Tables, clean

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


def context(tables: Tables) -> Mapping[str, Any] | None:
    """The section; None where nothing was measured over parts."""
    grids = [_grid(tables, method) for method in methods(tables)]
    grids = [grid for grid in grids if grid.rows]
    findings = [clean(str(text)) for text in tables["parts"].attrs.get("findings", ())]
    return {"about": list(_about(tables)), "findings": findings, "grids": grids} if grids else None


def _about(tables: Tables) -> Iterator[str]:
    chosen = headline(tables)
    words = SOURCES[chosen["source"]]
    yield f"{words}; {UNNAMED}" if are_regions(tables) else words
    texts = (
        f"The headline is {names.method(chosen['method'])} with the {_counted(tables)} as the "
        "importance of a part: these are in the claims, in the summary and in the heatmap of "
        "parts.",
        "ρ is the rank correlation of the importances that model and teacher give to the parts of "
        "an image; focus is the share of the model's map inside the teacher's top "
        f"{chosen['top']} parts. Their nulls show the teacher another image of the class, and a "
        "level map has the share of the pixels. Faithfulness is the rank correlation of the "
        "importances with what it costs the same model to lose each part; its null takes the map "
        "of another image. The teacher's own line is of its map inside its own top parts.",
    )
    yield from (wording(text, tables) for text in texts)


def _counted(tables: Tables) -> str:
    return importance(headline(tables)["variant"])


def _grid(tables: Tables, method: str) -> Grid:
    """The numbers of every condition that has any, with intervals where nothing is beside them."""
    rows = {measure: rows_of(tables, measure, method) for measure in COLUMNS}
    found = {
        condition: {measure: estimate(condition, own) for measure, own in rows.items()}
        for condition in tables.conditions
    }
    return Grid(
        f"{names.method(method)}, {_counted(tables)}",
        ("Model", *(wording(words, tables) for words in COLUMNS.values())),
        [
            (condition.label, *(_number(m, own) for m, own in numbers.items()))
            for condition, numbers in found.items()
            if any(own.defined for own in numbers.values())
        ],
        caption=f"On {tables.subset_words}. Brackets are 95 % intervals.",
    )


def _number(measure: str, found: Estimate) -> str:
    form = "{:.2f}"
    return number(found.value, form) if measure in BESIDE else with_interval(found, form)


# ---------------------------------------------------------------------------------- the answer


def answer(tables: Tables) -> list[str]:
    """How alike students, label-only networks and the twin weigh parts to the teacher.

    Each number has the null of the same models beside it.
    """
    rho, null = rows_of(tables, "part_rho"), rows_of(tables, "null_part_rho")
    found = {c: (estimate(c, rho), estimate(c, null)) for c in tables.conditions}
    groups = {
        "student": f"for {students_called(tables.of_role('student'))}",
        "control": "for the same networks trained on labels only",
        "twin": "for the teacher's twin",
        "floor": "for an untrained network",
    }
    parts = [
        f"{text} {words}"
        for role, words in groups.items()
        if (text := _span({c: pair for c, pair in found.items() if c.role == role}))
    ]
    text = "Likeness over parts was not measured."
    if parts:
        text = (
            f"By {names.method(headline(tables)['method'])} ({_counted(tables)}), the parts of an "
            f"image are weighed as the teacher weighs them to a ρ of {'; '.join(parts)}. The null "
            "is the same pair, the teacher shown another image of the class."
        )
    return [wording(text, tables)]


def _span(found: dict[Condition, tuple[Estimate, Estimate]]) -> str:
    """`0.81 (R10; null 0.73) to 0.94 (R26; null 0.80)`, or the one value without a name."""
    known = [(condition, *pair) for condition, pair in found.items() if pair[0].defined]
    ordered = sorted(known, key=lambda each: each[1].value)
    ends = [ordered[0], ordered[-1]] if len(ordered) > 1 else ordered
    named = len(ends) > 1 or any(c.role in ("student", "control") for c, *_ in ends)
    return " to ".join(
        f"{_formatted(own)} ({f'{condition.label}; ' if named else ''}null {_formatted(null)})"
        for condition, own, null in ends
    )


def _formatted(found: Estimate) -> str:
    return number(found.value, "{:.2f}") if found.defined else "undefined"
