"""Models as a reader sees them: named, grouped over seeds, in one order for every figure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from distilscope.statistics import paired

NOT_MEASURED = "not measured"
ROLES = ("teacher", "twin", "student", "twin-taught", "control", "floor")
ROLE_WORDS = {
    "teacher": "teacher",
    "twin": "twin",
    "student": "distilled",
    "twin-taught": "from the twin",
    "control": "labels only",
    "floor": "untrained",
}


@dataclass(frozen=True)
class Cell:
    """One recipe of the grid: the models that differ in their seed only.

    Attributes:
        label: its name in figures and tables, unique within a study.
        role: one of `ROLES`. A `twin-taught` student learned from another teacher than the one that
            it is compared with.
        student: the configuration's name of the architecture.
        T, alpha: of its objective; None where it has none.
        parameters: count of learned numbers; 0 where unknown.
        models: ids, by seed.
        kind: `trained` here, or `given` with its weights.
    """

    label: str
    role: str
    student: str
    T: float | None
    alpha: float | None
    parameters: int
    models: tuple[str, ...]
    kind: str = "trained"

    @property
    def given(self) -> bool:
        """Whether it is a student whose weights were handed in: who taught it isn't known."""
        return self.role == "student" and self.kind == "given"

    @property
    def role_words(self) -> str:
        """The role in plain words."""
        return "given" if self.given else ROLE_WORDS.get(self.role, self.role)

    @property
    def order(self) -> tuple:
        """Teacher, twin, then each size from the largest: distilled by T, controls; floors."""
        role = ROLES.index(self.role) if self.role in ROLES else len(ROLES)
        block = {"teacher": 0, "twin": 1, "floor": 3}.get(self.role, 2 if role < len(ROLES) else 4)
        return (block, -self.parameters, self.student, role, self.T or 0.0, self.alpha or 0.0)


def roles(cells: Iterable[Cell]) -> set[str]:
    """The roles that a study has, a student that was given being `given`."""
    return {"given" if cell.given else cell.role for cell in cells}


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


def students_called(cells: Iterable[Cell]) -> str:
    """What students are called that may be trained here or given."""
    given = {cell.given for cell in cells}
    if given == {True}:
        return "given students"
    return "distilled and given students" if True in given else "distilled students"


def arrange(models: pd.DataFrame, measures: pd.DataFrame) -> list[Cell]:
    """Group the rows of `models.parquet` into cells, in the order of every figure."""
    details = measures.drop_duplicates("model").set_index("model")
    table = models.assign(
        student=models["student"].fillna("").astype(str),
        objective=models["id"].map(details["objective"]).fillna("").astype(str),
        extra=models["id"].map(details["objective_params"]).fillna("").astype(str),
        family=models["id"].map(details["teacher"]).map(models.set_index("id")["student"]),
    )
    distilled = table[table["role"] == "student"]
    shown = [name for name in ("alpha", "family") if distilled[name].dropna().nunique() > 1]
    grouped = table.groupby(
        ["role", "kind", "student", "objective", "extra", "T", "alpha", "family"],
        dropna=False,
        sort=False,
    )
    found = [_cell(rows.sort_values(["seed", "id"]), shown) for _, rows in grouped]
    found += _pairs_without_twin(models)
    return _unique(sorted(found, key=lambda cell: cell.order))


def ceilings(models: pd.DataFrame) -> dict[str, str]:
    """Teacher or twin -> the id under which its family's likeness stands: its first twin's.

    A family of several teachers without a twin has an id of its own.
    """
    found: dict[str, str] = {}
    members = models[models["role"].isin(("teacher", "twin"))]
    for family, rows in members.groupby("student", sort=False, dropna=False):
        twins = rows.loc[rows["role"] == "twin", "id"]
        name = twins.iloc[0] if len(twins) else f"pairs of {family}"
        found |= dict.fromkeys(rows["id"], name)
    return found


def _pairs_without_twin(models: pd.DataFrame) -> list[Cell]:
    """What stands for the twin where a family has several teachers and no twin."""
    found, known, names = [], set(models["id"]), ceilings(models)
    for name in dict.fromkeys(names.values()):
        family = models[models["id"].map(names) == name]
        if name not in known and len(family) > 1:
            size = int(_number(family["parameters"].iloc[0]) or 0)
            student = str(family["student"].iloc[0])
            found.append(Cell("Other teachers", "twin", student, None, None, size, (name,)))
    return found


def _cell(rows: pd.DataFrame, shown: list[str]) -> Cell:
    """A cell of rows that differ in their seed; `shown` are the columns its label needs."""
    first = rows.iloc[0]
    temperature, alpha = (_number(first[name]) for name in ("T", "alpha"))
    parameters = _number(first["parameters"])
    return Cell(
        label=_label(first, temperature, shown),
        role=str(first["role"]),
        student=str(first["student"]),
        T=temperature,
        alpha=alpha,
        parameters=int(parameters or 0),
        models=tuple(rows["id"]),
        kind=str(first["kind"]),
    )


def _label(row: pd.Series, temperature: float | None, shown: list[str]) -> str:
    role, student = str(row["role"]), str(row["student"])
    if role in ("teacher", "twin"):
        return role.capitalize()
    if role in ("control", "floor"):
        return f"{student}, {ROLE_WORDS[role]}".removeprefix(", ")
    if role in ("student", "twin-taught") and temperature is not None:
        weight = f" α={row['alpha']:g}" if "alpha" in shown else ""
        teacher = f" from {row['family']}" if "family" in shown else ""
        other = ", by twin" if role == "twin-taught" else ""
        return f"{student} T={temperature:g}{weight}{teacher}{other}"
    return " ".join(word for word in (student, str(row["objective"])) if word) or str(row["id"])


def _unique(found: list[Cell]) -> list[Cell]:
    """Labels that would be shared get the model's id behind them."""
    labels = [cell.label for cell in found]
    return [
        cell
        if labels.count(cell.label) == 1
        else Cell(**{**cell.__dict__, "label": f"{cell.label} ({cell.models[0]})"})
        for cell in found
    ]


def estimate(cell: Cell, rows: pd.DataFrame) -> Estimate:
    """The cell's number from rows of one measure, one for each of its models.

    One model: its own value and interval (over images). Several: their mean with a 95 % t
    interval over seeds. A seed without a value is left out and named in `reason`.
    """
    places = {model: place for place, model in enumerate(rows["model"])}
    own = [rows.iloc[places[model]] for model in cell.models if model in places]
    over_pairs = len(own) == 1 and cell.role == "twin"
    values = np.array([_float(row["value"]) for row in own])
    reasons = sorted({row["reason"] for row in own if isinstance(row["reason"], str)} - {""})
    if len(cell.models) > 1 and not over_pairs:
        return _over_seeds(values[np.isfinite(values)], len(cell.models), reasons)
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


def estimates(cells: list[Cell], rows: pd.DataFrame) -> pd.DataFrame:
    """A row for each cell, with the columns of `ESTIMATE_COLUMNS`; `model` is the label."""
    records = []
    for cell in cells:
        found = estimate(cell, rows)
        records.append(
            {
                "model": cell.label,
                "role": cell.role,
                "student": cell.student,
                "T": math.nan if cell.T is None else cell.T,
                "alpha": math.nan if cell.alpha is None else cell.alpha,
                "parameters": cell.parameters,
                "models": len(cell.models),
                "value": found.value,
                "low": found.low,
                "high": found.high,
                "interval": found.over,
                "n": found.n,
                "reason": found.reason,
            }
        )
    return pd.DataFrame.from_records(records, columns=ESTIMATE_COLUMNS)


ESTIMATE_COLUMNS = [
    *("model", "role", "student", "T", "alpha", "parameters", "models"),
    *("value", "low", "high", "interval", "n", "reason"),
]


def _number(value: object) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _float(value: object) -> float:
    number = _number(value)
    return math.nan if number is None else number
