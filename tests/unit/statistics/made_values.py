"""A made-up study's numbers, and claims about them, for hand-worked verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from distilscope.configuration import claims
from distilscope.planning.conditions import Condition
from distilscope.statistics.values import Values
from distilscope.statistics.verdicts import judge_claim

KD2, KD4, KD8 = ({"objective": "kd", "T": T, "alpha": 0.9} for T in (2, 4, 8))
CE = {"objective": "ce"}


def condition_of(
    arm: Mapping[str, Any], student: str = "medium", entry: str = "teacher", role: str = ""
) -> Condition:
    """The condition of a student, which learned from an entry unless it is a control."""
    taught = arm["objective"] != "ce"
    return Condition(
        role=role or ("student" if taught else "control"),
        network=student,
        objective=arm["objective"],
        parameters=tuple((k, float(v)) for k, v in arm.items() if k != "objective"),
        teachers=(entry,) if taught else (),
    )


def rows_of(
    arm: Mapping[str, Any],
    by_seed: Sequence[float],
    *,
    measure: str = "accuracy",
    subset: str = "all",
    student: str = "medium",
    by_class: int | None = None,
    teachers: Sequence[str] = ("teacher-s1",),
    role: str = "",
) -> list[dict[str, Any]]:
    """A row a seed, seeds counted from 1; seed i is compared with teacher i mod m, or with none."""
    entry = teachers[0].partition("-")[0] if teachers else "teacher"
    condition = condition_of(arm, student, entry, role)
    spelt = "-".join(str(value) for value in arm.values())
    taught = f"-{entry}" if condition.teachers else ""
    return [
        {
            "model": f"{student}-{spelt}-{role}{taught}-s{seed}",
            "condition": condition,
            "seed": seed,
            "reference": teachers[(seed - 1) % len(teachers)] if teachers else None,
            "relation": "teacher" if teachers else None,
            "measure": measure,
            "subset": subset,
            "class": by_class,
            "value": value,
        }
        for seed, value in enumerate(by_seed, 1)
    ]


def twin_rows(
    values: Sequence[float],
    *,
    measure: str,
    subset: str = "all",
    by_class: int | None = None,
    reference: str = "teacher-s1",
) -> list[dict[str, Any]]:
    """A row for each twin of a teacher."""
    entry = reference.partition("-")[0]
    return [
        {
            "model": f"{entry}-twin-s{number}",
            "condition": Condition("twin", entry, objective="ce"),
            "seed": 100 + number,
            "reference": reference,
            "relation": "twin",
            "measure": measure,
            "subset": subset,
            "class": by_class,
            "value": value,
        }
        for number, value in enumerate(values)
    ]


def values_of(*rows: list[dict[str, Any]], classes: int = 10) -> Values:
    """Of rows with their condition; teachers are called `entry-s1`."""
    every = [row for part in rows for row in part]
    names = {row["condition"]: _key(row["condition"]) for row in every}
    models = {row["model"]: (names[row["condition"]], row["seed"]) for row in every}
    conditions = {name: condition for condition, name in names.items()}
    for reference in {row["reference"] for row in every} - {None} - set(models):
        entry = reference.partition("-")[0]
        conditions[entry] = Condition("teacher", entry, objective="ce")
        models[reference] = (entry, 1)
    return Values.of(every, models, conditions, classes)


def _key(condition: Condition) -> str:
    """`medium-kd-T4-alpha0.9-teacher`."""
    role = () if condition.role in ("student", "control") else (condition.role,)
    words = [f"{name}{value:g}" for name, value in condition.parameters]
    objective = condition.objective or ""
    return "-".join([condition.network, *role, objective, *words, *condition.teachers])


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


def verdict_of(claim, values, family=1, published_data=False):
    return judge_claim(claim, values, family, published_data=published_data)


AGAINST_TWIN = {
    "form": "against-twin",
    "measure": "rho",
    "subset": "common",
    "students": ["medium"],
    "arm": KD4,
}
BEST = {
    "form": "best-of",
    "measure": "ece",
    "students": ["medium"],
    "best": KD2,
    "others": [KD4, KD8],
}

# Differences 0.020, 0.030, 0.025: mean 0.025, sd 0.005; t of 2 degrees is 4.3027 at 95 % and
# 7.6488 at 1 - 0.05 / 3, so the half widths are 0.01242 and 0.02208.
DISTILLED, LABELS = [0.92, 0.91, 0.915], [0.90, 0.88, 0.89]
THREE = values_of(rows_of(KD4, DISTILLED), rows_of(CE, LABELS))
