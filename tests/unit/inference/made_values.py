"""A made-up study's numbers, and claims about them, for hand-worked verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from distilscope.configuration import claims
from distilscope.statistics.values import Values

KD2, KD4, KD8 = ({"objective": "kd", "T": T, "alpha": 0.9} for T in (2, 4, 8))
CE = {"objective": "ce"}


def rows_of(
    arm: Mapping[str, Any],
    by_seed: Sequence[float],
    *,
    measure: str = "accuracy",
    subset: str = "all",
    student: str = "medium",
    by_class: int | None = None,
    teachers: Sequence[str] = ("teacher-s1",),
) -> list[dict[str, Any]]:
    """A row a seed, seeds counted from 1; seed i is compared with teacher i mod m."""
    role = "control" if arm["objective"] == "ce" else "student"
    spelt = "-".join(str(value) for value in arm.values())
    return [
        {
            "model": f"{student}-{spelt}-s{seed}",
            "role": role,
            "student": student,
            "T": None,
            "alpha": None,
            **arm,
            "seed": seed,
            "reference": teachers[(seed - 1) % len(teachers)],
            "measure": measure,
            "subset": subset,
            "class": by_class,
            "value": value,
        }
        for seed, value in enumerate(by_seed, 1)
    ]


def twin_rows(
    values: Sequence[float], *, measure: str, subset: str = "all", by_class: int | None = None
) -> list[dict[str, Any]]:
    """A row for each twin."""
    return [
        {
            "model": f"twin-s{number}",
            "role": "twin",
            "student": "teacher",
            "objective": "ce",
            "T": None,
            "alpha": None,
            "seed": 100 + number,
            "reference": "teacher-s1",
            "measure": measure,
            "subset": subset,
            "class": by_class,
            "value": value,
        }
        for number, value in enumerate(values)
    ]


def values_of(*rows: list[dict[str, Any]], classes: int = 10) -> Values:
    return Values.of([row for part in rows for row in part], classes)


def claim_of(statement: Mapping[str, Any], **changes: Any) -> claims.Claim:
    given = {
        "id": "it",
        "sentence": "It is so.",
        "source": "made up",
        "family": "one",
        "statement": statement,
        "direction": "higher",
        "delta": 0.005,
        **changes,
    }
    return claims.Claim.model_validate(given)


DIFFERENCE = {
    "form": "paired-difference",
    "measure": "accuracy",
    "students": ["medium"],
    "first": KD4,
    "second": CE,
}
