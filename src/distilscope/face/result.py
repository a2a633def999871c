"""What `distilscope.compare` found: tables, maps, a text and a picture of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from distilscope import catalog
from distilscope.face.study import ANALYSES, STUDENT, Observed
from distilscope.measures import common_grid, evidence, upsample
from distilscope.measuring.observations import UNLABELLED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = (
    *("analysis", "model", "reference", "subset", "layer", "reference_layer", "method"),
    *("resolution", "explained", "class", "measure", "value", "low", "high", "n", "n_undefined"),
    *("reason", "headline"),
)
NOT_HERE = ("temperature", "ece_scaled", "nll_scaled", "multiply_adds")
"""What a study has and two networks in Python have not: held-out images, a count of operations."""
SUBSETS = ("common", "all")


@dataclass(frozen=True)
class Maps:
    """The maps of the headline as they were compared: for the class that the teacher predicts.

    Attributes:
        teacher, student: (N, h, w) float64 at one grid, zero or more.
        classes: (N,) int64, the class that both explain.
        method: of explanation. layers: the teacher's and the student's.
    """

    teacher: np.ndarray
    student: np.ndarray
    classes: np.ndarray
    method: str
    layers: tuple[str, str]

    @classmethod
    def of(
        cls, observed: tuple[Observed, Observed], method: str, resolution: str, size: int
    ) -> Maps:
        """Of the first explained layers, on the coarser grid or at the size of the images."""
        predicted = observed[0].passed.predictions.astype(np.int64)
        found = [_maps_of(side, method, predicted) for side in observed]
        if resolution == "native":
            teacher, student = common_grid(*found)
        else:
            teacher, student = (upsample(side, size) for side in found)
        layers = tuple(side.request.explained[0] for side in observed)
        return cls(teacher, student, predicted, method, layers)


def _maps_of(side: Observed, method: str, classes: np.ndarray) -> np.ndarray:
    """(N, h, w) evidence of a network's first explained layer for these classes (N,)."""
    table, layer = side.passed.maps[method], side.request.explained[0]
    frame = table.frame()
    frame = frame[frame["layer"] == layer]
    frame = frame[frame["class"].to_numpy() == classes[frame["index"].to_numpy()]]
    rows = frame.sort_values("index")["map"].to_numpy()
    return evidence(np.stack(rows).reshape(-1, *table.grids[layer]), method)


@dataclass(frozen=True)
class Comparison:
    """A student beside its teacher on N images.

    Attributes:
        measures: a row a number, with the columns of a study's `measures.parquet` that say
            something here; docs/measures.md defines each measure.
        images: a row an image: predictions, and the measures of its two maps at the headline.
        layers: a row a pair of layers: CKA and mutual nearest neighbours.
        maps: those of the headline.
        logits: `teacher` and `student` -> (N, classes) float32.
        labelled: whether labels were given. notes: what was odd, in sentences.
    """

    measures: pd.DataFrame
    images: pd.DataFrame
    layers: pd.DataFrame
    maps: Maps
    logits: Mapping[str, np.ndarray]
    labelled: bool
    notes: tuple[str, ...]
    _thumbnails: Sequence[np.ndarray] = field(default=(), repr=False)

    @classmethod
    def of(
        cls,
        tables: Mapping[str, pd.DataFrame],
        observed: tuple[Observed, Observed],
        maps: Maps,
        labelled: bool,
        notes: tuple[str, ...],
        thumbnails: Sequence[np.ndarray],
    ) -> Comparison:
        """From the tables of `face.study.measured`."""
        images = tables["images"]
        place = {
            "method": maps.method,
            "reference_layer": maps.layers[0],
            "layer": maps.layers[1],
            "explained": "reference",
        }
        headline = _at(images, place).dropna(axis=1, how="all").reset_index(drop=True)
        if not labelled:
            unknown = ("label", "correct", "reference_correct", "common")
            headline = headline.drop(columns=list(unknown), errors="ignore")
        return cls(
            measures=_measures(tables["measures"], place, labelled),
            images=headline,
            layers=tables["layers"],
            maps=maps,
            logits={side.called: side.passed.logits for side in observed},
            labelled=labelled,
            notes=notes,
            _thumbnails=thumbnails,
        )

    @property
    def headline(self) -> pd.DataFrame:
        """The numbers that stand for their measures: over the common images, or over all."""
        rows = self.measures[self.measures["headline"] & self.measures["class"].isna()]
        order = rows["subset"].map({name: rank for rank, name in enumerate(SUBSETS)})
        rows = rows.assign(order=order)[order.notna()].sort_values("order", kind="stable")
        rows = rows.drop_duplicates(["model", "measure"]).drop(columns="order")
        return rows.sort_index()

    def value(self, measure: str, model: str = STUDENT) -> float:
        """The headline value of a measure; NaN where it is undefined.

        Raises:
            UnknownName: there is no such number of that model.
        """
        rows = self.headline[self.headline["model"] == model].set_index("measure")
        catalog.lookup(dict.fromkeys(rows.index), measure, f"measure of the {model}")
        return float(rows.loc[measure, "value"])

    def summary(self) -> str:
        """The headline in words and numbers, with what was odd."""
        from distilscope.face.summary import text

        return text(self)

    def plot(self, images: int = 8) -> Figure:
        """A matplotlib figure: images from the least to the most alike, with both maps.

        Args:
            images: how many; they are spread over the range of rho.
        """
        from distilscope.face.picture import draw

        return draw(self, self._thumbnails, images)

    def __repr__(self) -> str:
        return self.summary()


def _at(table: pd.DataFrame, place: Mapping[str, str]) -> pd.DataFrame:
    chosen = np.logical_and.reduce([table[key].eq(value) for key, value in place.items()])
    return table[chosen]


def _measures(table: pd.DataFrame, place: Mapping[str, str], labelled: bool) -> pd.DataFrame:
    """The numbers, with the headline at the place that was asked for.

    A study's headline is at input resolution; here it is wherever maps were compared.
    """
    kept = table[table["analysis"].isin(ANALYSES) & ~table["measure"].isin(NOT_HERE)]
    kept = kept[~kept["measure"].str.endswith(".ratio")]  # there is no twin
    if not labelled:
        kept = _without_labels(kept)
    at = np.logical_and.reduce([kept[key].eq(value) for key, value in place.items()])
    headline = np.where(kept["method"].notna(), at, kept["headline"])
    kept = kept.assign(headline=headline.astype(bool))
    return kept[list(COLUMNS)].reset_index(drop=True)


def _without_labels(table: pd.DataFrame) -> pd.DataFrame:
    """Without what labels would be needed for.

    The teacher's predictions stand for labels: `common` is then every image, and is called `all`.
    """
    nulls = table["measure"].str.startswith("null_") & table["subset"].eq("common")
    table = table.assign(subset=table["subset"].mask(nulls, "all"))
    kept = table["subset"].eq("all") | table["subset"].isna()
    kept &= table["reason"].ne(UNLABELLED) & table["class"].isna()
    return table[kept]
