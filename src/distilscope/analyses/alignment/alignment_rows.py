"""Rows about where models look: consistency, its nulls and ratio, and CKA of layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from distilscope import store
from distilscope.analyses.alignment import image_specific_columns as specific
from distilscope.analyses.alignment.pairs import percent_name
from distilscope.measuring import causes
from distilscope.measuring.study_rows import Entry, Rows, Study
from distilscope.statistics import bootstrap
from distilscope.statistics.values import TWIN_ROLES

KEY = ("method", "layer", "reference_layer", "resolution", "explained")
IDENTITY = (
    *("index", "label", "prediction", "reference_prediction", "correct", "reference_correct"),
    *("common", "class", "grid", "reason", "reference_reason", *KEY),
)
NULL_IS_ZERO = (specific.PRIMARY, specific.PARTIAL)  # whose null is 0 by construction
NULL_OF_PRIMARY = f"null_{specific.PRIMARY}"
QUANTILES = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95, "min": 0.0}
BY_CLASS = "reference"  # the explained class whose rows are also given by class
SIMILARITIES = ("cka_debiased", "cka_biased", "cka_biased_null")
NO_NEIGHBOURS = "an image's features are zero, or others are equally near"


@dataclass(frozen=True)
class Pair:
    """One (method, layers, resolution, explained) of a comparison; rows are images.

    Attributes:
        key: the values of `KEY`, and of parts the `variant`.
        position: (n,) where the images are in the probe.
        values: measure -> (n,) float64. reasons: (n,) objects.
        subsets: name -> (n,) bool. label: (n,).
        top: share of pixels of the headline IoU; those at other shares are its curve.
    """

    key: Mapping[str, str]
    position: np.ndarray
    values: Mapping[str, np.ndarray]
    reasons: np.ndarray
    subsets: Mapping[str, np.ndarray]
    label: np.ndarray
    top: float

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


def read_pairs(entry: Entry, study: Study) -> list[Pair]:
    """The pairs of a model's comparison, in the order in which they were made."""
    table = store.read_table(entry.comparison / "images.parquet")
    return pairs_of(table, study, KEY) if "method" in table else []


def pairs_of(table: pd.DataFrame, study: Study, keys: Sequence[str]) -> list[Pair]:
    """The pairs of a table of images, one for each combination of the keys."""
    return [
        _pair(dict(zip(keys, key, strict=True)), rows, study)
        for key, rows in table.groupby(list(keys), sort=False)
    ]


def _pair(key: Mapping[str, str], rows: pd.DataFrame, study: Study) -> Pair:
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
        top=study.rules.top,
    )


# --------------------------------------------------------------------------------------- rows


def add_alignment_rows(
    rows: Rows, entry: Entry, pairs: Sequence[Pair], twins: Mapping[str, Sequence[Pair]]
) -> None:
    """All rows of one comparison. `twins` are the pairs of each twin of the model's reference."""
    for pair in pairs:
        place = {"reference": entry.reference, **pair.key}
        for subset, member in pair.subsets.items():
            chosen = np.flatnonzero(member)
            columns = pair.columns(pair.measures, subset)
            where = {**place, "subset": subset}
            add_means(rows, entry, pair, columns, chosen, where, pair.measures)
            _add_spread(rows, entry, pair, chosen, {**place, "subset": subset})
        add_nulls(rows, entry, pair, place)
        if pair.key["explained"] == BY_CLASS:
            add_classes(rows, entry, pair, place)
        if entry.role not in TWIN_ROLES:
            add_ratios(rows, entry, pair, twins, {**place, "subset": "common"})


def add_means(
    rows: Rows,
    entry: Entry,
    pair: Pair,
    columns: Sequence[str],
    chosen: np.ndarray,
    place: Mapping[str, object],
    names: Sequence[str] | None = None,
) -> None:
    """The means of the columns over the chosen rows of a pair, under `names` if they differ."""
    if not columns:
        return
    values = np.column_stack([pair.values[name][chosen] for name in columns])
    resamples = rows.study.resamples.subset(pair.position[chosen])
    found = bootstrap.means(values, resamples, rows.study.level)
    reasons = _reasons(pair, columns, values, chosen)
    rows.add_estimates(entry, names or columns, found, reasons, **place)


def _reasons(
    pair: Pair, columns: Sequence[str], values: np.ndarray, chosen: np.ndarray
) -> list[str | None]:
    undefined, reasons = np.isnan(values), pair.reasons[chosen]
    return [causes.summarise(reasons[undefined[:, i]], name) for i, name in enumerate(columns)]


def _add_spread(
    rows: Rows, entry: Entry, pair: Pair, chosen: np.ndarray, place: Mapping[str, object]
) -> None:
    """Population standard deviation, quantiles and minimum over the images."""
    columns = pair.headlines
    if not columns:
        return
    values = np.column_stack([pair.values[name][chosen] for name in columns])
    resamples = rows.study.resamples.subset(pair.position[chosen])
    reasons = _reasons(pair, columns, values, chosen)
    deviations = bootstrap.deviations(values, resamples, rows.study.level)
    names = [f"{name}.sd" for name in columns]
    rows.add_estimates(entry, names, deviations, reasons, **place)
    for i, name in enumerate(columns):
        defined = values[~np.isnan(values[:, i]), i]
        cuts = np.full(len(QUANTILES), np.nan)
        if len(defined):
            cuts = np.quantile(defined, list(QUANTILES.values()))
        counts = {"n": len(defined), "n_undefined": len(values) - len(defined)}
        for suffix, cut in zip(QUANTILES, cuts, strict=True):
            rows.add(entry, f"{name}.{suffix}", cut, reason=reasons[i], **counts, **place)


def add_nulls(rows: Rows, entry: Entry, pair: Pair, place: Mapping[str, object]) -> None:
    """What each measure of a pair would be, had the reference been shown another image."""
    for subset, stem in (("common", "null"), ("both-correct", "null_own")):
        columns = [f"{stem}_{name}" for name in pair.nulled]
        names = [name.replace("null_own_", "null_") for name in columns]
        chosen = np.flatnonzero(pair.subsets[subset])
        add_means(rows, entry, pair, columns, chosen, {**place, "subset": subset}, names)
    columns = [f"null_other_{name}" for name in pair.crossed]
    chosen = np.flatnonzero(pair.subsets["common"])
    add_means(rows, entry, pair, columns, chosen, {**place, "subset": "common"})


def add_classes(rows: Rows, entry: Entry, pair: Pair, place: Mapping[str, object]) -> None:
    """The means of a pair by class."""
    for subset in ("common", "both-correct"):
        for number in range(rows.study.classes):
            chosen = np.flatnonzero(pair.subsets[subset] & (pair.label == number))
            where = {**place, "subset": subset, "class": number}
            columns = pair.columns(pair.by_class, subset)
            add_means(rows, entry, pair, columns, chosen, where, pair.by_class)
            null = f"{specific.NULLS[subset]}_{specific.PRIMARY}"
            if null in pair.values:
                add_means(rows, entry, pair, [null], chosen, where, [NULL_OF_PRIMARY])


def add_ratios(
    rows: Rows,
    entry: Entry,
    pair: Pair,
    twins: Mapping[str, Sequence[Pair]],
    place: Mapping[str, object],
) -> None:
    """(model - own null) / (twin - own null) over the common images on which both are defined."""
    images, common = len(rows.study.index), int(pair.subsets["common"].sum())
    beside = list(_twin_pairs(pair, twins))
    for measure in pair.related:
        name = f"{measure}.ratio"
        if not beside:
            why = f"the study has no twin of {entry.reference} to compare with"
            rows.add(entry, name, np.nan, n=0, n_undefined=common, reason=why, **place)
            continue
        numerator = pair.above_null(measure, images)
        denominator = np.mean([twin.above_null(measure, images) for twin in beside], axis=0)
        both = np.flatnonzero(~np.isnan(numerator) & ~np.isnan(denominator))
        found = bootstrap.ratio_of_means(
            numerator[both], denominator[both], rows.study.resamples.subset(both), rows.study.level
        )
        rows.add(
            entry, name, found.value, low=found.low, high=found.high, n=found.n,
            n_undefined=common - found.n, reason=found.reason, **place,
        )  # fmt: skip


def _twin_pairs(pair: Pair, twins: Mapping[str, Sequence[Pair]]) -> Iterator[Pair]:
    """Of each twin the pair at the same reference layer, method, resolution and class."""
    same = [name for name in pair.key if name != "layer"]
    for candidates in twins.values():
        for candidate in candidates:
            if all(candidate.key[name] == pair.key[name] for name in same):
                yield candidate
                break


def add_layer_rows(rows: Rows, entry: Entry) -> None:
    """Likeness of every layer pair. The reduction of the features stands under `resolution`."""
    table = store.read_table(entry.comparison / "layers.parquet")
    for record in table.to_dict("records"):
        place = {
            "reference": entry.reference,
            "subset": "all",
            "layer": record["layer"],
            "reference_layer": record["reference_layer"],
            "resolution": record["reduction"],
        }
        n = _counted(record["n"], record["cka_debiased"])
        for measure in SIMILARITIES:
            rows.add(entry, measure, record[measure], n=n, reason=record["reason"], **place)
        if record["reduction"] != "gap":
            continue
        n = _counted(record["mutual_n"], record["mutual_knn"])
        left_out = len(rows.study.index) - n
        reason = record["mutual_reason"]
        if left_out and not reason:
            reason = f"{left_out} undefined: {NO_NEIGHBOURS} ({left_out})"
        of = {"n": n, "n_undefined": left_out, "reason": reason}
        rows.add(entry, "mutual_knn", record["mutual_knn"], **of, **place)
        chance = record["mutual_knn_null"]
        of = {"n": len(rows.study.index), "reason": None if np.isfinite(chance) else reason}
        rows.add(entry, "mutual_knn_null", chance, **of, **place)


def _counted(images: float, value: float) -> int:
    """The images behind a value; 0 where there is none."""
    return int(images) if np.isfinite(value) else 0
