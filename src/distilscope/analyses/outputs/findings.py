"""What outputs found, in a sentence."""

from __future__ import annotations

import pandas as pd

from distilscope.reporting.conditions import estimate, span, students_called
from distilscope.reporting.tables import Tables


def answer(tables: Tables) -> list[str]:
    """How often students are right, beside the teacher."""
    rows = tables.headline("accuracy")
    students = {c: estimate(c, rows) for c in tables.of_role("student")}
    students = {condition: found for condition, found in students.items() if found.defined}
    if not students:
        return []
    who = students_called(students)
    own = f"{who[0].upper()}{who[1:]} get {span(students, _percent)} of the test images right"
    return [f"{own}; {said}." if (said := _teachers(tables, rows)) else f"{own}."]


def _teachers(tables: Tables, rows: pd.DataFrame) -> str:
    found = [estimate(condition, rows) for condition in tables.of_role("teacher")]
    shares = sorted(each.value for each in found if each.defined)
    if len(shares) < 2:
        return "".join(f"the teacher gets {_percent(share)}" for share in shares)
    return f"the {len(shares)} teachers get {_percent(shares[0])} to {_percent(shares[-1])}"


def caveats(tables: Tables) -> list[str]:
    """What is missing where images have no labels."""
    if tables.labelled:
        return []
    return [
        "The images have no labels: accuracy, calibration and all else that needs the right class "
        "is not measured. Where numbers are of images that models get right, the prediction of the "
        "model that they are compared with stands for the label."
    ]


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"
