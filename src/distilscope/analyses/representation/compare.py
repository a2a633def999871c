"""What a comparison holds of representation: CKA and mutual nearest neighbours of all layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distilscope.analyses.representation import neighbours, representation
from distilscope.measuring import observations
from distilscope.measuring.model_pair import ModelPair

POOLED = "gap"
NO_VARIANCE = "a layer's features do not vary over the images"
NO_BATCH = "there are fewer images than one batch of Grams holds (`observe.gram_batch`)"
FEW_IMAGES = "there are fewer images than an image needs as neighbours (`measures.neighbours`)"
VALUES = ["cka_debiased", "cka_biased", "cka_biased_null", "mutual_knn"]
EQUALLY_NEAR = "no image has nearest neighbours in both layers: others are equally near"


@dataclass(frozen=True)
class Side:
    """The layers of one model.

    Attributes:
        observation: where they were observed. layers: their names, input to output.
        index: (N,) dataset indices. features: of each layer (N, C), pooled over space.
    """

    observation: Path
    layers: tuple[str, ...]
    index: np.ndarray
    features: list[np.ndarray]

    @cached_property
    def same_as(self) -> dict[str, str]:
        """Layer -> the earlier one with the very same pooled features, which counts for both."""
        found = zip(self.layers, representation.repeated(self.features), strict=True)
        return {layer: self.layers[place] for layer, place in found if place is not None}

    @cached_property
    def level(self) -> set[str]:
        """The layers whose pooled features are the same for every image."""
        found = zip(self.layers, self.features, strict=True)
        return {layer for layer, features in found if representation.level(features)}

    @property
    def counted(self) -> list[int]:
        """The places of the layers that count."""
        return [place for place, layer in enumerate(self.layers) if layer not in self.same_as]

    @property
    def names(self) -> list[str]:
        """The names of the layers that count."""
        return [self.layers[place] for place in self.counted]


def compare(pair: ModelPair, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """`layers`: CKA and mutual nearest neighbours of every layer with every layer.

    Settings: `neighbours` of an image.
    """
    sides = read_sides(pair.folders, pair.probe, pair.layer_names)
    layers = layer_table(sides, pair.probe, pair.reductions, settings["neighbours"])
    same = {"model": sides[0].same_as, "reference": sides[1].same_as}
    layers.attrs = {"same_features": same}
    return {"layers": layers}


def read_sides(
    observed: tuple[Path, Path], probe: str, layers: tuple[Sequence[str], Sequence[str]]
) -> tuple[Side, Side]:
    """The model's side and the reference's.

    Raises:
        ValueError: the two were not observed on the same images.
    """
    sides = tuple(
        Side(folder, tuple(names), *observations.read_features(folder, probe, list(names)))
        for folder, names in zip(observed, layers, strict=True)
    )
    if not np.array_equal(sides[0].index, sides[1].index):
        raise ValueError(f"{observed[0]} and {observed[1]} have features of different images")
    return sides


def layer_table(
    sides: tuple[Side, Side], probe: str, reductions: Sequence[str], k: int
) -> pd.DataFrame:
    """A row for each (layer, reference layer, reduction): what `layers.parquet` holds.

    Mutual neighbours are of pooled features, hence NaN in the rows of another reduction. A layer
    that counts already under another name has rows without values. `reason` says why CKA is NaN,
    `mutual_reason` why mutual neighbours are.
    """
    model, reference = sides
    pairs = list(product(model.layers, reference.layers))
    keys = {"layer": [own for own, _ in pairs], "reference_layer": [other for _, other in pairs]}
    parts = []
    for reduction in reductions:
        columns = _cka(sides, probe, reduction) | _mutual(sides, reduction, k)
        values = {name: _spread(sides, found) for name, found in columns.items()}
        table = pd.DataFrame({**keys, "reduction": reduction, **values})
        parts.append(_with_reasons(table, sides, pairs, k))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"layer": []})


def _with_reasons(
    table: pd.DataFrame, sides: tuple[Side, Side], pairs: list[tuple[str, str]], k: int
) -> pd.DataFrame:
    """The table without numbers of pooled features that do not vary, and why what is NaN is so."""
    same = [_same(*sides, *pair) for pair in pairs]
    level = np.array([own in sides[0].level or other in sides[1].level for own, other in pairs])
    level &= table["reduction"].eq(POOLED).to_numpy()
    table.loc[level, VALUES] = np.nan
    table.loc[level, "mutual_n"] = 0
    unlike = [NO_VARIANCE if n else NO_BATCH for n in table["n"].fillna(0)]
    few = len(sides[0].index) <= k
    near = [FEW_IMAGES if few else NO_VARIANCE if flat else EQUALLY_NEAR for flat in level]
    for name, measure, reasons in (
        ("reason", "cka_debiased", unlike),
        ("mutual_reason", "mutual_knn", near),
    ):
        words = [one or why for one, why in zip(same, reasons, strict=True)]
        table[name] = pd.Series(words, dtype=object).where(table[measure].isna(), None)
    return table


def _same(model: Side, reference: Side, layer: str, reference_layer: str) -> str | None:
    """Why a pair is not counted, or None."""
    for side, name in ((model, layer), (reference, reference_layer)):
        if name in side.same_as:
            return f"layer {name!r} has the same pooled features as {side.same_as[name]!r}"
    return None


def _spread(sides: tuple[Side, Side], values: np.ndarray | float) -> np.ndarray:
    """Values of the pairs that count, among all pairs in order: (L * M,), NaN elsewhere."""
    full = np.full([len(side.layers) for side in sides], np.nan)
    full[np.ix_(*(side.counted for side in sides))] = values
    return full.ravel()


def _cka(sides: tuple[Side, Side], probe: str, reduction: str) -> dict[str, np.ndarray | float]:
    (index, own), (other_index, other) = (
        observations.read_grams(side.observation, probe, side.names, reduction) for side in sides
    )
    if not np.array_equal(index, other_index):
        raise ValueError(
            f"{sides[0].observation} and {sides[1].observation} have Grams of different images; "
            "CKA needs the same partition (`gram_batch`) for both"
        )
    found = representation.cka(own, other)
    return {
        "cka_debiased": found.debiased,
        "cka_biased": found.biased,
        "cka_biased_null": found.biased_null,
        "n": index.size,
    }


def _mutual(sides: tuple[Side, Side], reduction: str, k: int) -> dict[str, np.ndarray | float]:
    if reduction != POOLED:
        return dict.fromkeys(("mutual_knn", "mutual_knn_null", "mutual_n"), np.nan)
    own, other = ([side.features[place] for place in side.counted] for side in sides)
    found = neighbours.mutual(own, other, k)
    return {"mutual_knn": found.share, "mutual_knn_null": found.chance, "mutual_n": found.n}
