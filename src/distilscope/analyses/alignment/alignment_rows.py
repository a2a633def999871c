"""Rows about where models look: likeness to the reference, its nulls, its ratio to the twin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from distilscope import store
from distilscope.analyses.alignment import image_specific_columns as specific
from distilscope.analyses.alignment import undefined
from distilscope.analyses.alignment.shares import percent_name
from distilscope.measuring.entries import Compared, Entry
from distilscope.measuring.rows import Rows, by_class
from distilscope.measuring.study import Study
from distilscope.statistics import bootstrap

KEY = ("method", "layer", "reference_layer", "resolution", "explained")
IDENTITY = (
    *("index", "label", "prediction", "reference_prediction", "correct", "reference_correct"),
    *("common", "class", "grid", "reason", "reference_reason", *KEY),
)
NULL_IS_ZERO = (specific.PRIMARY, specific.PARTIAL)  # whose null is 0 by construction
NULL_OF_PRIMARY = f"null_{specific.PRIMARY}"
QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95, "min": 0.0}
BY_CLASS = "reference"  # the explained class whose rows are also given by class


@dataclass(frozen=True)
class Pair:
    """One (method, layers, resolution, explained) of a comparison; rows are images.

    Attributes:
        key: the values of `KEY`, and of parts the `variant`.
        position: (n,) where the images are in the probe.
        values: measure -> (n,) float64. reasons: (n,) objects.
        subsets: name -> (n,) bool. label: (n,).
        top: share of pixels of the headline IoU; those at other shares are its curve.
        headline: whether its numbers stand for their measures.
        concerns: cause -> the measures that it makes undefined.
    """

    key: Mapping[str, str]
    position: np.ndarray
    values: Mapping[str, np.ndarray]
    reasons: np.ndarray
    subsets: Mapping[str, np.ndarray]
    label: np.ndarray
    top: float
    headline: bool
    concerns: ClassVar[Mapping[str, tuple[str, ...]]] = undefined.CONCERNS

    @property
    def measures(self) -> list[str]:
        """Measures that apply here; the published ones do at input resolution of layers only."""
        published = self.key["resolution"] == "input" and self.key["layer"] != "input"
        named = [
            name
            for name in self.values
            if not name.startswith("null_") and not specific.is_of_subset(name)
        ]
        return [name for name in named if published or not name.startswith("published_")]

    @property
    def nulled(self) -> list[str]:
        """Measures that have a null."""
        return [name for name in self.measures if f"null_{name}" in self.values]

    @property
    def crossed(self) -> list[str]:
        """Measures that have a null over images of other classes too."""
        at_layers = self.key["layer"] != "input" and self.key["explained"] == BY_CLASS
        return [m for m in self.measures if at_layers and f"null_other_{m}" in self.values]

    @property
    def by_class(self) -> list[str]:
        """Measures that are given by class too: all but the further points of the IoU curve."""
        headline = percent_name("iou", self.top)
        return [m for m in self.measures if m == headline or not m.startswith("iou")]

    @property
    def related(self) -> list[str]:
        """Measures that are set in relation to the twin: those of them that have a null or need
        none."""
        return [n for n in self.by_class if n in self.nulled or n in NULL_IS_ZERO]

    @property
    def headlines(self) -> list[str]:
        """Measures whose spread is given too: the same, and the published ones.

        Not those whose values by image are contributions to a ratio, which have no range.
        """
        published = [name for name in self.measures if name.startswith("published_")]
        return [name for name in self.related if name not in specific.MEASURES] + published

    def columns(self, measures: Sequence[str], subset: str) -> list[str]:
        """The names in `values` that hold measures within a subset."""
        return [specific.column(name, subset) for name in measures]

    def above_null(self, measure: str, images: int) -> np.ndarray:
        """(images,) measure minus its own within-class null over the common images, else NaN."""
        spread = np.full(images, np.nan)
        null = 0 if measure in NULL_IS_ZERO else self.values[f"null_{measure}"]
        difference = self.values[measure] - null
        spread[self.position] = np.where(self.subsets["common"], difference, np.nan)
        return spread


def read_pairs(each: Compared, study: Study, top: float, method: str | None) -> list[Pair]:
    """The pairs of a model's comparison, in the order in which they were made.

    Args:
        top: share of pixels of the headline IoU. method: whose maps of the last blocks are the
            headline, at input resolution, for the reference's prediction.
    """
    table = store.read_table(each.folder / "images.parquet")
    if "method" not in table:
        return []
    wanted = {"method": method, "resolution": "input", "explained": "reference"}
    wanted |= {"layer": each.model.last_block}
    wanted |= {"reference_layer": study.entry(each.reference).last_block}
    return pairs_of(table, study, KEY, top, wanted)


def pairs_of(
    table: pd.DataFrame,
    study: Study,
    keys: Sequence[str],
    top: float,
    headline: Mapping[str, str | None],
) -> list[Pair]:
    """The pairs of a table of images, one for each combination of the keys.

    `headline` are the values of some keys that the headline pair has.
    """
    found = []
    for values, rows in table.groupby(list(keys), sort=False):
        key = dict(zip(keys, values, strict=True))
        chosen = all(key[name] == value for name, value in headline.items())
        found.append(_pair(key, rows, study, top, chosen))
    return found


def _pair(
    key: Mapping[str, str], rows: pd.DataFrame, study: Study, top: float, headline: bool
) -> Pair:
    return Pair(
        key=key,
        position=study.positions(rows["index"].to_numpy()),
        values={
            name: rows[name].to_numpy(np.float64)
            for name in rows
            if name not in IDENTITY and name not in key
        },
        reasons=rows["reason"].to_numpy(object),
        subsets={
            "common": rows["common"].to_numpy(bool),
            "both-correct": (rows["correct"] & rows["reference_correct"]).to_numpy(bool),
            "all": np.ones(len(rows), bool),
        },
        label=rows["label"].to_numpy(np.int64),
        top=top,
        headline=headline,
    )


# --------------------------------------------------------------------------------------- rows


def add_alignment_rows(
    study: Study,
    rows: Rows,
    each: Compared,
    pairs: Sequence[Pair],
    twins: Sequence[Sequence[Pair]],
) -> None:
    """All rows of one comparison. `twins` are the pairs of each twin of the model's reference."""
    for pair in pairs:
        own = PairRows(study, rows, each, pair)
        for subset in pair.subsets:
            own.means(pair.columns(pair.measures, subset), subset, pair.measures)
            own.spread(subset)
        own.nulls()
        if pair.key["explained"] == BY_CLASS:
            own.classes()
        if each.relation != "twin":
            own.ratios(twins)


@dataclass(frozen=True)
class PairRows:
    """Adds the rows of one pair: of a model beside a reference, or of the reference alone."""

    study: Study
    rows: Rows
    who: Entry | Compared
    pair: Pair

    def place(self, subset: str) -> dict[str, Any]:
        """Where the numbers over a subset hold."""
        return {**self.pair.key, "headline": self.pair.headline, "subset": subset}

    def means(
        self, columns: Sequence[str], subset: str, names: Sequence[str] | None = None
    ) -> None:
        """The means of the columns over a subset, under `names` if they differ."""
        if columns:
            values, resamples, reasons = self._within(columns, subset)
            found = bootstrap.means(values, resamples, self.study.level)
            place = self.place(subset)
            self.rows.add_estimates(self.who, names or columns, found, reasons, **place)

    def spread(self, subset: str) -> None:
        """Population standard deviation, quantiles and minimum over the images."""
        columns, place = self.pair.headlines, self.place(subset)
        if not columns:
            return
        values, resamples, reasons = self._within(columns, subset)
        deviations = bootstrap.deviations(values, resamples, self.study.level)
        names = [f"{name}.sd" for name in columns]
        self.rows.add_estimates(self.who, names, deviations, reasons, **place)
        for i, name in enumerate(columns):
            defined = values[~np.isnan(values[:, i]), i]
            cuts = np.full(len(QUANTILES), np.nan)
            if len(defined):
                cuts = np.quantile(defined, list(QUANTILES.values()))
            counts = {"n": len(defined), "n_undefined": len(values) - len(defined)}
            for suffix, cut in zip(QUANTILES, cuts, strict=True):
                name_of_cut = f"{name}.{suffix}"
                self.rows.add(self.who, name_of_cut, cut, reason=reasons[i], **counts, **place)

    def nulls(self) -> None:
        """What each measure would be, had the reference been shown another image."""
        for subset, stem in (("common", "null"), ("both-correct", "null_own")):
            columns = [f"{stem}_{name}" for name in self.pair.nulled]
            self.means(columns, subset, [f"null_{name}" for name in self.pair.nulled])
        self.means([f"null_other_{name}" for name in self.pair.crossed], "common")

    def classes(self) -> None:
        """The means by class, of the classes that images are of."""
        pair, images = self.pair, by_class(self.pair.label)
        for subset in ("common", "both-correct"):
            measures = pair.by_class
            columns = pair.columns(measures, subset)
            null = f"{specific.NULLS[subset]}_{specific.PRIMARY}"
            chosen = [own[pair.subsets[subset][own]] for own in images.values()]
            parts = [self._by_class(measures, columns, chosen)] if measures else []
            if null in pair.values:
                parts.append(self._by_class([NULL_OF_PRIMARY], [null], chosen))
            for number, *found in zip(images, *parts, strict=True):
                place = {**self.place(subset), "class": number}
                for names, estimates, reasons in found:
                    self.rows.add_estimates(self.who, names, estimates, reasons, **place)

    def ratios(self, twins: Sequence[Sequence[Pair]]) -> None:
        """(model - own null) / (twin - own null) over the common images that have both."""
        study, place = self.study, self.place("common")
        images, common = len(study.index), int(self.pair.subsets["common"].sum())
        beside = list(self._twin_pairs(twins))
        for measure in self.pair.related:
            name = f"{measure}.ratio"
            if not beside:
                why = f"the study has no twin of {self.who.reference} to compare with"
                self.rows.add(self.who, name, np.nan, n=0, n_undefined=common, reason=why, **place)
                continue
            numerator = self.pair.above_null(measure, images)
            denominator = np.mean([twin.above_null(measure, images) for twin in beside], axis=0)
            both = np.flatnonzero(~np.isnan(numerator) & ~np.isnan(denominator))
            found = bootstrap.ratio_of_means(
                numerator[both], denominator[both], study.resamples.subset(both), study.level
            )
            self.rows.add(
                self.who, name, found.value, low=found.low, high=found.high, n=found.n,
                n_undefined=common - found.n, reason=found.reason, **place,
            )  # fmt: skip

    def _within(
        self, columns: Sequence[str], subset: str
    ) -> tuple[np.ndarray, bootstrap.Resamples, list[str | None]]:
        """Values (n, columns) of a subset, its resamples, and why values are missing."""
        chosen = np.flatnonzero(self.pair.subsets[subset])
        values = np.column_stack([self.pair.values[name][chosen] for name in columns])
        resamples = self.study.resamples.subset(self.pair.position[chosen])
        return values, resamples, self._reasons(columns, values, chosen)

    def _reasons(
        self, columns: Sequence[str], values: np.ndarray, chosen: np.ndarray
    ) -> list[str | None]:
        missing, reasons = np.isnan(values), self.pair.reasons[chosen]
        return [
            undefined.summarise(reasons[missing[:, i]], name, self.pair.concerns)
            for i, name in enumerate(columns)
        ]

    def _by_class(
        self, names: Sequence[str], columns: Sequence[str], chosen: Sequence[np.ndarray]
    ) -> Iterator[tuple[Sequence[str], bootstrap.Estimates, list[str | None]]]:
        """Of each class the names of its numbers, these, and why they aren't there."""
        study, pair = self.study, self.pair
        values = np.column_stack([pair.values[name] for name in columns])
        found = bootstrap.means_by_group(
            values, chosen, pair.position, study.resamples, study.level
        )
        for own, estimates in zip(chosen, found, strict=True):
            yield names, estimates, self._reasons(columns, values[own], own)

    def _twin_pairs(self, twins: Sequence[Sequence[Pair]]) -> Iterator[Pair]:
        """Of each twin the pair at the same reference layer, method, resolution and class."""
        same = [name for name in self.pair.key if name != "layer"]
        for candidates in twins:
            for candidate in candidates:
                if all(candidate.key[name] == self.pair.key[name] for name in same):
                    yield candidate
                    break
