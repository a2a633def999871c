"""The rows of `measures.parquet`: who a number is about, where it holds, and what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from distilscope import registry
from distilscope.measuring.entries import Compared, Entry
from distilscope.statistics.bootstrap import Estimates
from distilscope.workflow.forked import side_by_side

WHO = ("model", "condition", "seed", "reference", "relation")
PLACES = (*("layer", "reference_layer", "method", "resolution", "explained", "variant", "class"),)
"""Where a number holds; analyses may declare more."""
NUMBERS = (
    *("measure", "value", "low", "high", "interval", "n", "n_undefined", "reason", "headline"),
)
FLOATS = ("value", "low", "high")
INTEGERS = ("seed", "class", "n", "n_undefined")

Item = TypeVar("Item")

EMPTY_SUBSET = "no image is in the subset"
NONE_DEFINED = "no image of the subset has a value"
ONE_IMAGE = "one image has no interval"


def columns(analyses: Iterable[str]) -> list[str]:
    """The columns of the `measures.parquet` of a study with these analyses."""
    declared = (place for name in analyses for place in registry.analysis(name).places)
    places = dict.fromkeys((*PLACES, *declared))
    return ["study", "analysis", *WHO, "probe", "subset", *places, *NUMBERS]


@dataclass
class Rows:
    """Collects the rows of a study, with so many processes where `add_each` is used.

    Attributes:
        study: its name. probe: what numbers are of where nothing else is said.
        analyses: those of the study, by name.
        analysis: the analysis that adds rows now.
        unit: what the examples are called, in the plural.
    """

    study: str
    probe: str
    analyses: tuple[str, ...]
    processes: int = 1
    analysis: str = ""
    unit: str = "images"
    _rows: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        who: Entry | Compared,
        measure: str,
        value: float,
        *,
        low: float = np.nan,
        high: float = np.nan,
        n: int | None = None,
        n_undefined: int = 0,
        reason: str | None = None,
        headline: bool = True,
        over: str | None = None,
        **place: Any,
    ) -> None:
        """One number of a model, or of a model beside a reference.

        `place` holds the columns that say where it holds. `headline`: it stands for its measure.
        `over`: what its interval is over; None is the examples.
        """
        self._rows.append(
            {
                "study": self.study,
                "analysis": self.analysis,
                **_who(who),
                "probe": self.probe,
                **place,
                "measure": measure,
                "value": float(value),
                "low": float(low),
                "high": float(high),
                "interval": (over or self.unit) if np.isfinite(low) and np.isfinite(high) else None,
                "n": None if n is None else int(n),
                "n_undefined": int(n_undefined),
                "reason": reason or missing_reason(n, n_undefined),
                "headline": headline,
            }
        )

    def add_estimates(
        self,
        who: Entry | Compared,
        measures: Sequence[str],
        estimates: Estimates,
        reasons: Sequence[str | None] | None = None,
        *,
        undefined: bool = True,
        **place: Any,
    ) -> None:
        """A row for each column of `bootstrap.means` or `bootstrap.deviations`.

        `undefined`: whether a column of which no image has a value gets one, too.
        """
        for i, measure in enumerate(measures):
            if undefined or estimates.n[i]:
                reason = reasons[i] if reasons else None
                self.add(who, measure, **estimates.column(i), reason=reason, **place)

    def add_each(self, add: Callable[[Rows, Item], None], items: Sequence[Item]) -> None:
        """What `add` adds for each item, in their order, whichever process makes it."""

        def made(item: Item) -> list[dict[str, Any]]:
            own = replace(self, processes=1, _rows=[])
            add(own, item)
            return own._rows

        for rows in side_by_side(made, items, self.processes):
            self._rows += rows

    def frame(self) -> pd.DataFrame:
        """The table: text as plain strings, None or NaN where a column does not apply.

        Raises:
            ValueError: an analysis added a measure or a place that it does not declare.
        """
        names = columns(self.analyses)
        table = pd.DataFrame.from_records(self._rows, columns=None if self._rows else names)
        _require_declared(table, names)
        table = table.reindex(columns=names)
        for column in FLOATS:
            table[column] = table[column].astype("float64")
        for column in INTEGERS:
            table[column] = table[column].astype("Int64")
        table["headline"] = table["headline"].astype(bool)
        for column in set(names) - {*FLOATS, *INTEGERS, "headline"}:
            table[column] = table[column].astype(object).where(table[column].notna(), None)
        return table


def by_class(labels: np.ndarray) -> dict[int, np.ndarray]:
    """Class -> the positions of its images among labels (n,), of the classes that there are.

    One without an image has no row: of a thousand classes a few pictures show few.
    """
    order = np.argsort(labels, kind="stable")
    known, begins = np.unique(labels[order], return_index=True)
    parts = np.split(order, begins[1:])
    return {int(name): part for name, part in zip(known, parts, strict=True) if name >= 0}


def _require_declared(table: pd.DataFrame, names: Sequence[str]) -> None:
    known = registry.analyses()
    for place in set(table) - set(names):
        by = table.loc[table[place].notna(), "analysis"].unique().tolist()
        raise ValueError(
            f"numbers of the analysis {', '.join(by)} stand at {place!r}, which is no column of "
            f"measures.parquet: add it to `places` of the analysis; there are {', '.join(names)}"
        )
    for name, measures in table.groupby("analysis")["measure"].unique().items():
        for measure in measures:
            if known[name].declared(measure.split(".")[0]) is None:
                raise ValueError(
                    f"the analysis {name!r} added the measure {measure!r}, which is not in its "
                    f"`measures`; it declares {', '.join(known[name].measures) or 'none'}"
                )


def _who(who: Entry | Compared) -> dict[str, Any]:
    """The columns of `WHO`: of a model beside a reference, or of a model alone."""
    beside = isinstance(who, Compared)
    model = who.model if beside else who
    return {
        "model": model.id,
        "condition": model.condition,
        "seed": model.seed,
        "reference": who.reference if beside else None,
        "relation": who.relation if beside else None,
    }


def missing_reason(n: int | None, n_undefined: int = 0) -> str | None:
    """Why a number over `n` images, or its interval, isn't there; None where both can be."""
    return {0: NONE_DEFINED if n_undefined else EMPTY_SUBSET, 1: ONE_IMAGE}.get(n)
