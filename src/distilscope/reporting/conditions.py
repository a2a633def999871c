"""Conditions as a reader sees them: labelled, with their seeds, in one order for every figure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from distilscope import catalog
from distilscope.configuration.patterns import ROLES
from distilscope.statistics import paired

NOT_MEASURED = "not measured"
ROLE_WORDS = {
    "student": "distilled",
    "twin-taught": "from the twin",
    "training-mode-taught": "ablation: teachers in training mode",
    "control": "labels only",
    "floor": "untrained",
}
FAMILY = ("teacher", "twin", "stand-in", "committee")


@dataclass(frozen=True)
class Condition:
    """A row of `conditions.parquet` with its models, which differ in their seed only.

    Attributes:
        key: its name in tables. label: its name in figures, unique within a study.
        role: one of `ROLES`. A `twin-taught` student learned from another teacher than the one that
            it is compared with.
        network: the configuration's name of its network.
        source: `trained` here, or `given` with its weights.
        models: ids, by seed.
        parameters: count of learned numbers; 0 where unknown.
        row: all its columns.
    """

    key: str
    label: str
    role: str
    network: str
    source: str
    models: tuple[str, ...]
    parameters: int = 0
    row: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def given(self) -> bool:
        """Whether it is a student whose weights were handed in: who taught it isn't known."""
        return self.role == "student" and self.source == "given"

    @property
    def role_words(self) -> str:
        """The role in plain words."""
        return "given" if self.given else ROLE_WORDS.get(self.role, self.role)

    @property
    def taught(self) -> tuple:
        """How it was taught: objective, the objective's parameters and teachers, as text."""
        return tuple(self.row.get(name) for name in ("objective", "parameters", "teachers"))

    def number(self, column: str) -> float | None:
        """A number that its objective derives; None where it has none."""
        return _number(self.row.get(column))

    @property
    def order(self) -> tuple:
        """Teacher, twin, then each size from the largest: students by what their objective takes,
        controls; floors. Of the same model compressed in one way the mildest is first.
        """
        role = ROLES.index(self.role) if self.role in ROLES else len(ROLES)
        last = len(FAMILY) + (self.role == "floor")
        block = FAMILY.index(self.role) if self.role in FAMILY else last
        settings = tuple(
            _place(name, value)
            for name, value in json.loads(self.row.get("parameters") or "{}").items()
        )
        objective = str(self.row.get("objective"))
        return (block, -self.parameters, self.network, role, objective, settings, self.label)


@dataclass(frozen=True)
class Estimate:
    """A number with its interval; `over` says what the interval is over, or why there is none."""

    value: float
    low: float
    high: float
    over: str
    each: tuple[float, ...]
    n: float = math.nan
    reason: str = ""

    @property
    def defined(self) -> bool:
        """Whether there is a number at all."""
        return math.isfinite(self.value)


def roles(conditions: Iterable[Condition]) -> set[str]:
    """The roles that a study has, a student that was given being `given`."""
    return {"given" if found.given else found.role for found in conditions}


def students_called(conditions: Iterable[Condition]) -> str:
    """What students are called that may be trained here or given."""
    given = {found.given for found in conditions}
    if given == {True}:
        return "given students"
    return "distilled and given students" if True in given else "distilled students"


def labels(conditions: Iterable[Condition]) -> str:
    """Their labels, with commas, or with semicolons where labels have commas."""
    found = [condition.label for condition in conditions]
    return ("; " if any("," in label for label in found) else ", ").join(found)


def span(numbers: Mapping[Condition, Estimate], formatted: Callable[[float], str]) -> str:
    """`0.31 (tiny T=4) to 0.45 (medium T=8)`, or the one value."""
    ordered = sorted(numbers.items(), key=lambda item: item[1].value)
    ends = [ordered[0]] if len(ordered) == 1 else [ordered[0], ordered[-1]]
    return " to ".join(f"{formatted(found.value)} ({condition.label})" for condition, found in ends)


def arrange(table: pd.DataFrame, models: pd.DataFrame) -> list[Condition]:
    """The conditions that have models, in the order of every figure.

    Args:
        table: `conditions.parquet`. models: `models.parquet`.
    """
    grouped = dict(list(models.sort_values(["seed", "id"]).groupby("condition", sort=False)))
    found = [
        _condition(row, grouped[row["condition"]])
        for row in table.to_dict("records")
        if row["condition"] in grouped
    ]
    return sorted(found + _pairs_without_twin(models), key=lambda condition: condition.order)


def ceilings(models: pd.DataFrame) -> dict[str, str]:
    """Teacher or twin -> the id under which its family's likeness stands: its first twin's.

    A family of several teachers without a twin has an id of its own.
    """
    found: dict[str, str] = {}
    members = models[models["role"].isin(("teacher", "twin"))]
    for family, rows in members.groupby("network", sort=False, dropna=False):
        twins = rows.loc[rows["role"] == "twin", "id"]
        name = twins.iloc[0] if len(twins) else f"pairs of {family}"
        found |= dict.fromkeys(rows["id"], name)
    return found


def _pairs_without_twin(models: pd.DataFrame) -> list[Condition]:
    """What stands for the twin where a family has several teachers and no twin."""
    found, known, names = [], set(models["id"]), ceilings(models)
    several = len(set(names.values())) > 1
    for name in dict.fromkeys(names.values()):
        family = models[models["id"].map(names) == name]
        if name not in known and len(family) > 1:
            size, network = _number(family["parameters"].iloc[0]), str(family["network"].iloc[0])
            label = f"Other teachers {network}" if several else "Other teachers"
            one = Condition(name, label, "twin", network, "trained", (name,), int(size or 0))
            found.append(one)
    return found


def _condition(row: Mapping[str, Any], models: pd.DataFrame) -> Condition:
    return Condition(
        key=row["condition"],
        label=row["label"],
        role=row["role"],
        network=row["network"],
        source=row["source"],
        models=tuple(models["id"]),
        parameters=int(_number(models["parameters"].iloc[0]) or 0),
        row=row,
    )


def estimate(condition: Condition, rows: pd.DataFrame) -> Estimate:
    """The condition's number from rows of one measure, one for each of its models.

    One model: its own value and interval (over images). Several: their mean with a 95 % t
    interval over seeds. A seed without a value is left out and named in `reason`.
    """
    places = {model: place for place, model in enumerate(rows["model"])}
    own = [rows.iloc[places[model]] for model in condition.models if model in places]
    over_pairs = len(own) == 1 and condition.role == "twin"
    values = np.array([_float(row["value"]) for row in own])
    reasons = sorted({row["reason"] for row in own if isinstance(row["reason"], str)} - {""})
    if len(condition.models) > 1 and not over_pairs:
        return _over_seeds(values[np.isfinite(values)], len(condition.models), reasons)
    if not own:
        return Estimate(math.nan, math.nan, math.nan, "", (), reason=NOT_MEASURED)
    row = own[0]
    defined = math.isfinite(values[0])
    return Estimate(
        value=float(values[0]),
        low=_float(row["low"]),
        high=_float(row["high"]),
        over=row["interval"] if isinstance(row["interval"], str) else "",
        each=tuple(values) if defined else (),
        n=_float(row["n"]),
        reason="" if defined else "; ".join(reasons) or "no reason recorded",
    )


def _over_seeds(values: np.ndarray, asked: int, reasons: list[str]) -> Estimate:
    if len(values) == 0:
        why = "; ".join(reasons) or NOT_MEASURED
        return Estimate(math.nan, math.nan, math.nan, "", (), 0, why)
    left_out = f"{asked - len(values)} of {asked} seeds undefined" if len(values) < asked else ""
    half, mean = paired.half_width(values), float(values.mean())
    return Estimate(mean, mean - half, mean + half, "seeds", tuple(values), len(values), left_out)


ESTIMATE_COLUMNS = [
    *("model", "condition", "role", "network", "parameters", "models"),
    *("value", "low", "high", "interval", "n", "reason"),
]


def estimates(conditions: list[Condition], rows: pd.DataFrame) -> pd.DataFrame:
    """A row for each condition, with the columns of `ESTIMATE_COLUMNS`; `model` is the label."""
    records = [
        (
            *(of.label, of.key, of.role, of.network, of.parameters, len(of.models)),
            *(found.value, found.low, found.high, found.over, found.n, found.reason),
        )
        for of in conditions
        for found in (estimate(of, rows),)
    ]
    return pd.DataFrame.from_records(records, columns=ESTIMATE_COLUMNS)


def _place(name: str, value: object) -> tuple:
    """Where a parameter puts a condition: ways of compressing in the order of the catalogue."""
    way = catalog.COMPRESSIONS.get(name)
    if way is None:
        return (-1, name, *_sortable(value))
    return (list(catalog.COMPRESSIONS).index(name), name, *_sortable(way.severity(value)))


def _sortable(value: object) -> tuple[int, float, str]:
    """Numbers before words."""
    return (0, value, "") if isinstance(value, int | float) else (1, 0, str(value))


def _number(value: object) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _float(value: object) -> float:
    number = _number(value)
    return math.nan if number is None else number
