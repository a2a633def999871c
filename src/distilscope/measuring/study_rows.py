"""The rows of `measures.parquet`: who a number is about, where it holds, and what it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from distilscope.analyses.alignment.pairs import Rules
from distilscope.statistics.bootstrap import Resamples
from distilscope.workflow.forked import side_by_side

MODEL_COLUMNS = (
    *("model", "role", "architecture", "student", "objective", "objective_params"),
    *("T", "alpha", "seed", "teacher"),
)
PLACE_COLUMNS = (
    *("reference", "probe", "subset", "layer", "reference_layer", "method", "resolution"),
    *("explained", "variant", "class"),
)
NUMBER_COLUMNS = ("measure", "value", "low", "high", "interval", "n", "n_undefined", "reason")
COLUMNS = ("study", *MODEL_COLUMNS, *PLACE_COLUMNS, *NUMBER_COLUMNS)
FLOATS = ("T", "alpha", "value", "low", "high")
INTEGERS = ("seed", "class", "n", "n_undefined")

Item = TypeVar("Item")

EMPTY_SUBSET = "no image is in the subset"
NONE_DEFINED = "no image of the subset has a value"
ONE_IMAGE = "one image has no interval"


@dataclass(frozen=True)
class Entry:
    """A model of the study as the settings describe it; `folder` is its artefact's.

    `explained` are the layers whose GradCAM maps are compared, that of the headline first; none
    where no such maps were made. `ceilings` are comparisons with further references: with several
    teachers, each with each.
    """

    id: str
    kind: str
    role: str
    architecture: str | None
    student: str | None
    objective: str | None
    objective_params: str | None
    T: float | None
    alpha: float | None
    seed: int | None
    teacher: str | None
    reference: str | None
    identity: str | None
    explained: tuple[str, ...]
    folder: Path | None
    observation: Path
    comparison: Path | None
    ceilings: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Entry:
        """From one of `settings["models"]`; keys that do not apply may be missing.

        Raises:
            ValueError: `id`, `role` or `observation` is missing.
        """
        for key in ("id", "role", "observation"):
            if not row.get(key):
                raise ValueError(f"a model of the tables lacks {key!r}; it says {dict(row)}")
        optional = (
            *("architecture", "student", "objective", "objective_params", "T", "alpha"),
            *("seed", "teacher", "reference", "identity"),
        )
        return cls(
            id=row["id"],
            kind=row.get("kind", "trained"),
            role=row["role"],
            explained=tuple(row.get("explained", ())),
            folder=Path(row["model"]) if row.get("model") else None,
            observation=Path(row["observation"]),
            comparison=Path(row["comparison"]) if row.get("comparison") else None,
            ceilings={other: Path(path) for other, path in row.get("ceilings", {}).items()},
            **{key: row.get(key) for key in optional},
        )

    def against(self) -> list[Entry]:
        """Itself as each of its references sees it, its own one first; none without a reference."""
        further = [
            replace(self, reference=other, comparison=path) for other, path in self.ceilings.items()
        ]
        return [self, *further] if self.reference else further

    @property
    def last_block(self) -> str | None:
        """The layer of its headline maps."""
        return self.explained[0] if self.explained else None

    def columns(self) -> dict[str, Any]:
        """The values of `MODEL_COLUMNS`."""
        return {"model": self.id, **{key: getattr(self, key) for key in MODEL_COLUMNS[1:]}}


@dataclass(frozen=True)
class Study:
    """What all rows share.

    Attributes:
        name: the study's. entries: its models. classes: number of classes.
        probe: what the models are measured on. index: its dataset indices.
        bins: of calibration errors. replicates, level, seed: of intervals over images.
        divergent: how many images a model the explorer shows.
        rules: of comparing maps, for what the tables compare themselves.
    """

    name: str
    entries: tuple[Entry, ...]
    classes: int
    probe: str
    index: np.ndarray
    bins: int
    replicates: int
    level: float
    seed: int
    divergent: int
    rules: Rules
    _drawn: dict[int, Resamples] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def resamples(self) -> Resamples:
        """Of the probe's images: one draw for every number, so that differences are paired."""
        return self.draw(len(self.index))

    def draw(self, images: int) -> Resamples:
        """Resamples of another number of images."""
        if images not in self._drawn:
            self._drawn[images] = Resamples.draw(images, self.replicates, self.seed)
        return self._drawn[images]

    def positions(self, index: np.ndarray) -> np.ndarray:
        """Where dataset indices are among the probe's.

        Raises:
            ValueError: one of them is not there.
        """
        place = np.minimum(np.searchsorted(self.index, index), len(self.index) - 1)
        strange = self.index[place] != index
        if strange.any():
            raise ValueError(
                f"image {index[strange][0]} of a comparison is not in probe {self.probe!r}; "
                "make the comparison from the same observations as the tables"
            )
        return place


@dataclass
class Rows:
    """Collects the rows of a study, with so many processes where `add_each` is used."""

    study: Study
    processes: int = 1
    _rows: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        entry: Entry,
        measure: str,
        value: float,
        *,
        low: float = np.nan,
        high: float = np.nan,
        n: int | None = None,
        n_undefined: int = 0,
        reason: str | None = None,
        **place: Any,
    ) -> None:
        """One number; `place` holds those of `PLACE_COLUMNS` that apply."""
        self._rows.append(
            {
                "study": self.study.name,
                **entry.columns(),
                "probe": self.study.probe,
                **place,
                "measure": measure,
                "value": float(value),
                "low": float(low),
                "high": float(high),
                "interval": "images" if np.isfinite(low) and np.isfinite(high) else None,
                "n": None if n is None else int(n),
                "n_undefined": int(n_undefined),
                "reason": reason or missing_reason(n, n_undefined),
            }
        )

    def add_estimates(
        self,
        entry: Entry,
        measures: Sequence[str],
        estimates: Any,
        reasons: Sequence[str | None] | None = None,
        **place: Any,
    ) -> None:
        """A row for each column of `bootstrap.means` or `bootstrap.deviations`."""
        for i, measure in enumerate(measures):
            self.add(
                entry,
                measure,
                estimates.value[i],
                low=estimates.low[i],
                high=estimates.high[i],
                n=estimates.n[i],
                n_undefined=estimates.n_undefined[i],
                reason=reasons[i] if reasons else None,
                **place,
            )

    def add_each(self, add: Callable[[Rows, Item], None], items: Sequence[Item]) -> None:
        """What `add` adds for each item, in their order, whichever process makes it."""

        def made(item: Item) -> list[dict[str, Any]]:
            own = Rows(self.study)
            add(own, item)
            return own._rows

        for rows in side_by_side(made, items, self.processes):
            self._rows += rows

    def frame(self) -> pd.DataFrame:
        """The table: text as plain strings, None or NaN where a column does not apply."""
        table = pd.DataFrame.from_records(self._rows).reindex(columns=list(COLUMNS))
        for column in FLOATS:
            table[column] = table[column].astype("float64")
        for column in INTEGERS:
            table[column] = table[column].astype("Int64")
        for column in set(COLUMNS) - {*FLOATS, *INTEGERS}:
            table[column] = table[column].astype(object).where(table[column].notna(), None)
        return table


def missing_reason(n: int | None, n_undefined: int = 0) -> str | None:
    """Why a number over `n` images, or its interval, isn't there; None where both can be."""
    return {0: NONE_DEFINED if n_undefined else EMPTY_SUBSET, 1: ONE_IMAGE}.get(n)
