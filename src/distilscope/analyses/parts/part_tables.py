"""What a comparison says of parts: a row for each image and map, and means for each part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

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
from distilscope.measuring.observations import ABSENT, LayerMaps, Outputs
from distilscope.statistics.arithmetic import mean


@dataclass(frozen=True, eq=False)
class PartedImages:
    """Images with their parts, and what either model loses without each: a row an image.

    Attributes:
        names: of the parts.
        maps: uint8 (N, H, W).
        label, classes: (N,), the label and the class that all maps explain.
        common, own: (N,) bool, within which nulls are drawn, as `pairs.Images`.
        deciding: bool (N, P), the parts that decide the label; None where that isn't known.
        drops, reference_drops: (N, P) logit drops of model and reference, NaN where an image was
            not shown without the part; None where none was.
    """

    names: tuple[str, ...]
    maps: np.ndarray
    label: np.ndarray
    classes: np.ndarray
    common: np.ndarray
    own: np.ndarray
    deciding: np.ndarray | None
    drops: np.ndarray | None
    reference_drops: np.ndarray | None

    def take(self, rows: np.ndarray) -> PartedImages:
        """Some of the images."""
        columns = (self.maps, self.label, self.classes, self.common, self.own)
        optional = (self.deciding, self.drops, self.reference_drops)
        return PartedImages(
            self.names,
            *(column[rows] for column in columns),
            *(None if column is None else column[rows] for column in optional),
        )


def read_images(
    parts: Path,
    folders: tuple[Path, Path],
    outputs: tuple[Outputs, Outputs],
    common: np.ndarray,
    *,
    removal: bool,
) -> PartedImages:
    """The images of two models' observations on a probe, by rising dataset index.

    Args:
        parts: folder of the parts. folders: of model and reference on the probe.
        outputs: of model and reference there. common: (N,) bool.
        removal: the models were also shown images without parts.

    Raises:
        DamagedFile: a file is not as it was written. BadData: an image has no part map.
    """
    found = PartMaps.load(parts / MAPS_FILE)
    model, reference = outputs
    classes = reference.prediction
    drops = [
        _drops(folder, seen, classes, len(found.names)) if removal else None
        for folder, seen in zip(folders, outputs, strict=True)
    ]
    return PartedImages(
        found.names,
        found.at(model.index),
        model.label,
        classes,
        common,
        model.correct & reference.correct,
        None if found.deciding is None else found.deciding[model.label],
        *drops,
    )


def _drops(folder: Path, seen: Outputs, classes: np.ndarray, parts: int) -> np.ndarray:
    found = store.read_tensors(folder / REMOVED_FILE)
    without = np.full((len(seen.index), parts, seen.logits.shape[1]), np.nan)
    without[np.searchsorted(seen.index, found["indices"]), found["parts"] - 1] = found["logits"]
    return logit_drops(seen.logits, without, classes)


# ----------------------------------------------------------------------------------- one method


@dataclass(frozen=True, eq=False)
class Measured:
    """What one variant of the importances gives.

    Attributes:
        variant: its name.
        chosen: (n,) positions of the images that both models have maps of.
        values: measure -> (n,), and `reason`. Names that begin with `reference_` are of the
            reference alone.
        by_part: a row a part.
    """

    variant: str
    chosen: np.ndarray
    values: Mapping[str, np.ndarray]
    by_part: pd.DataFrame


def measure_maps(
    images: PartedImages,
    index: np.ndarray,
    layers: tuple[LayerMaps, LayerMaps],
    method: str,
    rules: Mapping[str, PartRules],
    shuffles: int,
    seed: int,
) -> Iterator[Measured]:
    """Every variant on one method's maps of model and reference.

    Args:
        index: (N,) dataset indices of the images.
        layers: the stored maps. rules: variant -> how it is measured.
        shuffles, seed: of the nulls.
    """
    rows = [layer.rows(index, images.classes) for layer in layers]
    chosen = np.flatnonzero((rows[0] != ABSENT) & (rows[1] != ABSENT))
    images = images.take(chosen)
    rows = [each[chosen] for each in rows]
    sums = [_sums(images, layer, each, method) for layer, each in zip(layers, rows, strict=True)]
    gaps = [
        None if layer.gap is None else layer.gap[each]
        for layer, each in zip(layers, rows, strict=True)
    ]
    tables = {
        stem: nulls.partners(images.label, member, shuffles, seed)
        for stem, member in (("null", images.common), ("null_own", images.own))
    }
    for variant, own in rules.items():
        of = [_of_one(images, each, own, gap, drops, tables) for each, gap, drops in zip(
            sums, gaps, (images.drops, images.reference_drops), strict=True)]  # fmt: skip
        pair = measure_parts(
            *sums, own, gap=gaps[0], reference_gap=gaps[1], other_flags=of[0].flags
        )
        itself = measure_parts(sums[1], sums[1], own, gap=gaps[1], reference_gap=gaps[1])
        importances = [each.importance(variant) for each in sums]
        values = {
            **pair,
            **_nulls(pair, sums[0], importances, own, tables),
            **of[0].values,
            **{f"reference_{k}": v for k, v in {**itself, **of[1].values}.items()},
        }
        yield Measured(variant, chosen, values, _by_part(images, importances, sums[0]))


def _sums(images: PartedImages, layer: LayerMaps, rows: np.ndarray, method: str) -> PartSums:
    """Sums over parts of maps at the image's resolution.

    Of a coarser map what counts as evidence is taken before resampling; maps of the input keep
    their sign.
    """
    native, size = layer.values[rows], images.maps.shape[1:]
    if native.shape[1:] != size:
        native = maps.upsample(maps.evidence(native, method), size)
    return PartSums.of(native, images.maps, len(images.names))


@dataclass(frozen=True, eq=False)
class _OfOne:
    values: dict[str, np.ndarray]
    flags: dict[str, np.ndarray]


def _of_one(
    images: PartedImages,
    sums: PartSums,
    rules: PartRules,
    gap: np.ndarray | None,
    drops: np.ndarray | None,
    tables: Mapping[str, np.ndarray],
) -> _OfOne:
    """How far one model's maps show what its parts are worth to it, and to the class."""
    importance = sums.importance(rules.variant)
    if gap is not None:
        importance = np.where(complete(gap, rules.tolerated_gap)[:, None], importance, np.nan)
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
    return _OfOne(values, flags)


def _nulls(
    pair: Mapping[str, np.ndarray],
    model: PartSums,
    importances: list[np.ndarray],
    rules: PartRules,
    tables: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """What a pair would score, had the reference been shown another image of the class."""
    found = {}
    for stem, table in tables.items():
        shuffled = {
            "part_rho": shuffled_part_rho(*importances, table, rules.minimum_parts),
            **shuffled_focus(model, importances[1], table, rules.top, rules.mass),
        }
        for name, values in shuffled.items():
            found[f"{stem}_{name}"] = np.where(np.isnan(pair[name]), np.nan, values)
    return found


def _by_part(images: PartedImages, importances: list[np.ndarray], sums: PartSums) -> pd.DataFrame:
    """Means over the common images in which a part can be seen and both have an importance."""
    both = ~np.isnan(importances[0]) & ~np.isnan(importances[1]) & images.common[:, None]
    area = sums.area[:, 1:] / sums.area.sum(axis=1, keepdims=True)
    table = {"part": list(images.names), "n": both.sum(axis=0), "area": mean(area, both)}
    drops = (images.drops, images.reference_drops)
    for prefix, values, lost in zip(("", "reference_"), importances, drops, strict=True):
        table[f"{prefix}importance"] = mean(values, both)
        shown = np.full(both.shape, np.nan) if lost is None else lost
        table[f"{prefix}drop"] = mean(shown, both & ~np.isnan(shown))
    return pd.DataFrame(table)
