"""What a comparison holds of parts: a row for each image and map, and means for each part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distilscope import store
from distilscope.analyses.alignment import maps, nulls
from distilscope.analyses.parts import undefined
from distilscope.analyses.parts.parts import PartSums, level, part_rho, shuffled_part_rho
from distilscope.analyses.parts.parts_faithfulness import deciding_recall, logit_drops
from distilscope.analyses.parts.parts_focus import shuffled_focus
from distilscope.analyses.parts.parts_pair import PartRules, complete, measure_parts
from distilscope.data.part_maps import MAPS_FILE, REMOVED_FILE, PartMaps
from distilscope.measuring.model_pair import ModelPair
from distilscope.measuring.observations import ABSENT, LayerMaps, Outputs
from distilscope.statistics.arithmetic import mean

Tables = Mapping[str, np.ndarray]
"""Prefix of a null -> which images stand in for which (`nulls.partners`)."""


def compare(pair: ModelPair, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """`parts`, a row for each image, map and variant; `importances`, for each part.

    Of methods at layers the headline pair is measured, for the reference's prediction. Settings:
    `variants` of the importances; `top`, `minimum_parts` and `tolerated_gap` as `PartRules`;
    `removal`, whether the models were shown the images without each part; `shuffles` and `seed`
    of the nulls.

    Raises:
        DamagedFile: a file is not as it was written. BadData: an image has no part map.
    """
    known = PartMaps.load(pair.job.input("parts") / MAPS_FILE)
    images, classes = Images.of(pair, known), pair.reference.prediction
    drops = [
        _drops(folder / pair.probe, seen, classes, len(known.names))
        if settings["removal"]
        else None
        for folder, seen in zip(pair.folders, (pair.model, pair.reference), strict=True)
    ]
    own = {key: settings[key] for key in ("top", "minimum_parts", "tolerated_gap")}
    rules = [PartRules(name, **own) for name in settings["variants"]]
    by_image, by_part = [], []
    for method in pair.methods:
        names = pair.layer_pairs(method)[0]
        keys = {"method": method, "layer": names[0], "reference_layer": names[1]}
        place = {**keys, "resolution": "input", "explained": "reference"}
        layers = pair.maps(method, names)
        rows = [layer.rows(pair.model.index, classes) for layer in layers]
        chosen = np.flatnonzero((rows[0] != ABSENT) & (rows[1] != ABSENT))
        some = images.take(chosen)
        sides = [
            Side.of(some, layer, own[chosen], method, None if lost is None else lost[chosen])
            for layer, own, lost in zip(layers, rows, drops, strict=True)
        ]
        tables = {
            stem: nulls.partners(some.label, member, settings["shuffles"], settings["seed"])
            for stem, member in (("null", some.common), ("null_own", some.own))
        }
        for rule in rules:
            frame = pair.frame("reference", chosen).assign(**place, variant=rule.variant)
            by_image.append(frame.assign(**_by_image(some, *sides, rule, tables)))
            by_part.append(_by_part(some, *sides, rule).assign(**keys, variant=rule.variant))
    both = {"parts": by_image, "importances": by_part}
    return {name: pd.concat(found, ignore_index=True) for name, found in both.items()}


@dataclass(frozen=True, eq=False)
class Images:
    """Images with their parts: a row an image.

    Attributes:
        names: of the parts.
        maps: uint8 (N, H, W). label: (N,).
        common, own: (N,) bool, within which nulls are drawn, as `pairs.Images`.
        deciding: bool (N, P), the parts that decide the label; None where that isn't known.
    """

    names: tuple[str, ...]
    maps: np.ndarray
    label: np.ndarray
    common: np.ndarray
    own: np.ndarray
    deciding: np.ndarray | None

    @classmethod
    def of(cls, pair: ModelPair, known: PartMaps) -> Images:
        """The images of two models' observations, by rising dataset index."""
        label = pair.model.label
        deciding = None if known.deciding is None else known.deciding[label]
        shown = known.at(pair.model.index)
        return cls(known.names, shown, label, pair.common, pair.both_right, deciding)

    def take(self, rows: np.ndarray) -> Images:
        """Some of the images."""
        columns = (self.maps, self.label, self.common, self.own)
        deciding = None if self.deciding is None else self.deciding[rows]
        return Images(self.names, *(column[rows] for column in columns), deciding)


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two models on N images.

    Attributes:
        sums: of its maps over parts. gap: (N,) their `completeness_gap`; None where the method has
            none.
        drops: (N, P) logit drops, NaN where an image was not shown without the part; None where
            none was.
    """

    sums: PartSums
    gap: np.ndarray | None
    drops: np.ndarray | None

    @classmethod
    def of(
        cls,
        images: Images,
        layer: LayerMaps,
        rows: np.ndarray,
        method: str,
        drops: np.ndarray | None,
    ) -> Side:
        """From the stored maps of these rows, brought to the image's resolution.

        Of a coarser map what counts as evidence is taken before resampling; maps of the input keep
        their sign.
        """
        native, size = layer.values[rows], images.maps.shape[1:]
        if native.shape[1:] != size:
            native = maps.upsample(maps.evidence(native, method), size)
        sums = PartSums.of(native, images.maps, len(images.names))
        return cls(sums, None if layer.gap is None else layer.gap[rows], drops)


def _drops(folder: Path, seen: Outputs, classes: np.ndarray, parts: int) -> np.ndarray:
    found = store.read_tensors(folder / REMOVED_FILE)
    without = np.full((len(seen.index), parts, seen.logits.shape[1]), np.nan)
    without[np.searchsorted(seen.index, found["indices"]), found["parts"] - 1] = found["logits"]
    return logit_drops(seen.logits, without, classes)


def _by_image(
    images: Images, model: Side, reference: Side, rules: PartRules, tables: Tables
) -> dict[str, np.ndarray]:
    """Measure -> (N,), and `reason`. `reference_*` are of the reference's maps alone."""
    values, flags = _of_one(images, model, rules, tables)
    pair = measure_parts(
        model.sums,
        reference.sums,
        rules,
        gap=model.gap,
        reference_gap=reference.gap,
        other_flags=flags,
    )
    gaps = {"gap": reference.gap, "reference_gap": reference.gap}
    itself = measure_parts(reference.sums, reference.sums, rules, **gaps)
    itself |= _of_one(images, reference, rules, tables)[0]
    return {
        **pair,
        **_nulls(pair, model.sums, reference.sums, rules, tables),
        **values,
        **{f"reference_{name}": own for name, own in itself.items()},
    }


def _of_one(
    images: Images, side: Side, rules: PartRules, tables: Tables
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """How far one model's maps show what its parts are worth to it, and to the class; and flags:
    cause -> (N,) bool.
    """
    sums, drops = side.sums, side.drops
    importance = sums.importance(rules.variant)
    if side.gap is not None:
        importance = np.where(complete(side.gap, rules.tolerated_gap)[:, None], importance, np.nan)
    values: dict[str, np.ndarray] = {}
    flags: dict[str, np.ndarray] = {}
    if drops is not None:
        areas = np.where(sums.visible, sums.area[:, 1:], np.nan)
        own = part_rho(importance, drops, rules.minimum_parts)
        values["faithfulness"] = own
        values["faithfulness_areas"] = part_rho(areas, drops, rules.minimum_parts)
        for stem, table in tables.items():
            shuffled = shuffled_part_rho(drops, importance, table, rules.minimum_parts)
            values[f"{stem}_faithfulness"] = np.where(np.isnan(own), np.nan, shuffled)
        flags[undefined.NOT_REMOVED] = np.isnan(drops).all(axis=1)
        flags[undefined.DROPS_LEVEL] = level(drops) & (
            (~np.isnan(drops)).sum(axis=1) >= rules.minimum_parts
        )
    if images.deciding is not None:
        recall, chance = deciding_recall(importance, images.deciding)
        values["deciding_recall"] = recall
        values["deciding_recall_chance"] = np.where(np.isnan(recall), np.nan, chance)
        if drops is not None:
            values["removal_recall"] = deciding_recall(drops, images.deciding)[0]
        wanted = (images.deciding & sums.visible).sum(axis=1)
        flags[undefined.NONE_DECIDES] = (wanted == 0) | (wanted == sums.visible.sum(axis=1))
    return values, flags


def _nulls(
    pair: Mapping[str, np.ndarray],
    model: PartSums,
    reference: PartSums,
    rules: PartRules,
    tables: Tables,
) -> dict[str, np.ndarray]:
    """What a pair would score, had the reference been shown another image of the class."""
    own, other = (sums.importance(rules.variant) for sums in (model, reference))
    found = {}
    for stem, table in tables.items():
        shuffled = {
            "part_rho": shuffled_part_rho(own, other, table, rules.minimum_parts),
            **shuffled_focus(model, other, table, rules.top, rules.mass),
        }
        for name, values in shuffled.items():
            found[f"{stem}_{name}"] = np.where(np.isnan(pair[name]), np.nan, values)
    return found


def _by_part(images: Images, model: Side, reference: Side, rules: PartRules) -> pd.DataFrame:
    """Means over the common images in which a part can be seen and both have an importance."""
    sides = (model, reference)
    importances = [side.sums.importance(rules.variant) for side in sides]
    both = ~np.isnan(importances[0]) & ~np.isnan(importances[1]) & images.common[:, None]
    area = model.sums.area[:, 1:] / model.sums.area.sum(axis=1, keepdims=True)
    table = {"part": list(images.names), "n": both.sum(axis=0), "area": mean(area, both)}
    for prefix, side, values in zip(("", "reference_"), sides, importances, strict=True):
        table[f"{prefix}importance"] = mean(values, both)
        shown = np.full(both.shape, np.nan) if side.drops is None else side.drops
        table[f"{prefix}drop"] = mean(shown, both & ~np.isnan(shown))
    return pd.DataFrame(table)
