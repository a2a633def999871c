"""A comparison in a few lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from distilscope import registry
from distilscope.analyses.declaration import Column
from distilscope.face.study import ANALYSES, STUDENT, TEACHER

if TYPE_CHECKING:
    from distilscope.face.result import Comparison


def text(found: Comparison) -> str:
    """A line a measure of the summary of a study, teacher first; then reasons and notes."""
    images, classes = found.logits[TEACHER].shape
    known = "" if found.labelled else ", without labels: measures that need them are left out"
    height, width = found.maps.teacher.shape[1:]
    lines = [
        f"Student beside teacher on {images} images of {classes} classes{known}.",
        f"Maps: {found.maps.method} of {found.maps.layers[1]} (student) and "
        f"{found.maps.layers[0]} (teacher) on {height}x{width}.",
        "",
    ]
    rows = found.headline
    reasons: list[str] = []
    for column in (column for name in ANALYSES for column in registry.analysis(name).summary):
        for model in (TEACHER, STUDENT):
            own = rows[(rows["model"] == model) & (rows["measure"] == column.measure)]
            if len(own):
                name = column.title if model == STUDENT else f"{column.title}, teacher"
                lines.append(_line(name, column, own.iloc[0], _null(rows, column, model)))
                reasons += [f"{name}: {why}" for why in own["reason"].dropna()]
    lines += _cka(found)
    for heading, said in (("Undefined or partly so:", reasons), ("Notes:", found.notes)):
        lines += ["", heading, *(f"  {each}" for each in said)] if said else []
    return "\n".join(lines)


def _line(name: str, column: Column, row: pd.Series, null: float | None) -> str:
    def shown(value: float) -> str:
        return column.form.format(column.times * value)

    ends = f"[{shown(row['low'])}, {shown(row['high'])}]" if pd.notna(row["low"]) else ""
    chance = "" if null is None else f", shuffled {shown(null)}"
    return f"  {name:<26}{shown(row['value']):>8}  {ends:<18}{int(row['n'])} images{chance}"


def _null(rows: pd.DataFrame, column: Column, model: str) -> float | None:
    own = rows[(rows["model"] == model) & (rows["measure"] == column.null)]
    return float(own["value"].iloc[0]) if len(own) else None


def _cka(found: Comparison) -> list[str]:
    layers = found.layers
    own = layers[
        layers["layer"].eq(found.maps.layers[1])
        & layers["reference_layer"].eq(found.maps.layers[0])
    ]
    return [f"  {'CKA of these layers':<26}{row:>8.2f}" for row in own["cka_debiased"]]
