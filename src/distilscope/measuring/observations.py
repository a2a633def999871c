"""What a model said of a probe, as it lies on disk: logits, maps and Grams, by dataset index."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import special

from distilscope import store

CLASS_RANGE = 2**16  # classes are int16, so that (index, class) is one int64 key
ABSENT = -1
UNLABELLED = "the images have no labels"


@dataclass(frozen=True)
class Outputs:
    """Logits of one model on one probe, sorted by dataset index.

    Attributes:
        index, label: (N,) int64; without a label -1. logits: (N, C) float32.
        source: the file they were read from.
    """

    index: np.ndarray
    label: np.ndarray
    logits: np.ndarray
    source: Path

    @property
    def prediction(self) -> np.ndarray:
        """(N,) int64, the class with the largest logit."""
        return np.argmax(self.logits, axis=1)

    @property
    def correct(self) -> np.ndarray:
        """(N,) bool."""
        return self.prediction == self.label

    @property
    def confidence(self) -> np.ndarray:
        """(N,) float64, the probability of the prediction."""
        logs = log_probabilities(self.logits)
        return np.minimum(np.exp(logs[np.arange(len(logs)), self.prediction]), 1.0)

    @property
    def labelled(self) -> bool:
        """Whether every image has a label."""
        return bool((self.label >= 0).all())

    def with_labels_of(self, other: Outputs) -> Outputs:
        """The same, and where an image has no label it is what `other` predicts."""
        return replace(self, label=np.where(self.label < 0, other.prediction, self.label))

    def at(self, rows: np.ndarray) -> Outputs:
        """Of the images at these places."""
        return Outputs(self.index[rows], self.label[rows], self.logits[rows], self.source)


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    """Log-softmax in float64, (N, C)."""
    return special.log_softmax(np.asarray(logits, np.float64), axis=1)


def read_outputs(observation: Path, probe: str) -> Outputs:
    """The logits of an observation folder's probe.

    Raises:
        ValueError: the table is empty, not sorted by index, or holds a logit that is not finite.
            Only behind an example's own classes, of which there are two or more, -inf is no fault.
    """
    path = Path(observation) / probe / "logits.parquet"
    table = store.read_table(path, columns=["index", "label", "logits"])
    if table.empty:
        raise ValueError(f"{path}: there are no images; a probe needs at least one")
    index = table["index"].to_numpy(np.int64)
    if np.any(np.diff(index) <= 0):
        raise ValueError(f"{path}: dataset indices must rise from row to row, each once")
    logits = np.stack(table["logits"].to_numpy())
    there = np.arange(logits.shape[1]) < np.isfinite(logits).sum(axis=1, keepdims=True)
    sound = (np.isfinite(logits) == there).all(axis=1) & (there[:, :2].all(axis=1))
    sound &= (there | np.isneginf(logits)).all(axis=1)
    if not sound.all():
        bad = index[~sound][0]
        raise ValueError(f"{path}: a logit of image {bad} is not finite; logits must be numbers")
    return Outputs(index, table["label"].to_numpy(np.int64), logits, path)


def require_same_images(first: Outputs, second: Outputs) -> None:
    """Refuse two models that were not observed on the same images with the same labels.

    Raises:
        ValueError: naming both files.
    """
    same = np.array_equal(first.index, second.index) and np.array_equal(first.label, second.label)
    if not same:
        raise ValueError(
            f"{first.source} and {second.source} hold different images or labels; "
            "models can be compared on the same probe of the same dataset only"
        )


# --------------------------------------------------------------------------------------- maps


@dataclass(frozen=True)
class LayerMaps:
    """The stored maps of one layer: a row for each (image, explained class).

    Attributes:
        keys: (R,) int64, rising: index * CLASS_RANGE + class.
        index: (R,) dataset index, classes: (R,) explained class.
        values: (R, h, w) float32, signed, at the native grid.
        gap: (R,) `completeness_gap` of integrated gradients, None for other methods.
    """

    keys: np.ndarray
    index: np.ndarray
    classes: np.ndarray
    values: np.ndarray
    gap: np.ndarray | None = None

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the maps."""
        return self.values.shape[1:]

    def rows(self, index: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Row of each (image, class), `ABSENT` where no such map is stored."""
        wanted = index.astype(np.int64) * CLASS_RANGE + classes
        place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[place] == wanted, place, ABSENT)


def read_maps(observation: Path, probe: str, method: str) -> dict[str, LayerMaps]:
    """Layer -> maps of one method.

    Raises:
        ValueError: a map does not fit its layer's grid, is stored twice, or is not finite.
    """
    path = Path(observation) / probe / f"saliency.{method}.parquet"
    grids = store.read_table_metadata(path).get("grids", {})
    table = store.read_table(path)
    return {
        layer: _layer_maps(rows, grids.get(layer), f"{path}: layer {layer!r}")
        for layer, rows in table.groupby("layer", sort=False)
    }


def _layer_maps(rows, grid: list[int] | None, where: str) -> LayerMaps:
    flat = rows["map"].to_numpy()
    sizes = {len(values) for values in flat}
    if grid is None or sizes != {grid[0] * grid[1]}:
        raise ValueError(f"{where} has maps of {sorted(sizes)} pixels; its grid says {grid}")
    index, classes = rows["index"].to_numpy(np.int64), rows["class"].to_numpy(np.int64)
    keys = index * CLASS_RANGE + classes
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    if np.any(np.diff(keys) == 0):
        twice = divmod(int(keys[:-1][np.diff(keys) == 0][0]), CLASS_RANGE)
        raise ValueError(f"{where} holds two maps of image {twice[0]} for class {twice[1]}")
    values = np.stack(flat)[order].reshape(-1, *grid)
    finite = np.isfinite(values).all(axis=(1, 2))
    if not finite.all():
        raise ValueError(f"{where}: the map of image {index[order][~finite][0]} is not finite")
    gap = (
        rows["completeness_gap"].to_numpy(np.float64)[order] if "completeness_gap" in rows else None
    )
    return LayerMaps(keys, index[order], classes[order], values, gap)


def layer_of(found: dict[str, LayerMaps], layer: str, method: str, observation: Path) -> LayerMaps:
    """The maps of a layer.

    Raises:
        ValueError: the observation has none; the message lists the layers that it has.
    """
    if layer not in found:
        raise ValueError(
            f"{observation}: no {method} maps of layer {layer!r}; there are maps of "
            + (", ".join(map(repr, found)) or "no layer")
        )
    return found[layer]


# --------------------------------------------------------------------------- features, Grams


def read_features(
    observation: Path, probe: str, layers: list[str]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The dataset indices (N,) of a probe, and each layer's pooled features (N, C)."""
    path = Path(observation) / probe / "features.safetensors"
    names = [f"{layer}.gap" for layer in layers]
    return _finite(store.read_tensors(path, ["index", *names]), names, path)


def read_grams(
    observation: Path, probe: str, layers: list[str], reduction: str
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The dataset indices (batches, b) of the partition, and each layer's Grams (batches, b, b)."""
    path = Path(observation) / probe / "grams.safetensors"
    names = [f"{layer}.{reduction}" for layer in layers]
    return _finite(store.read_tensors(path, ["index", *names]), names, path)


def _finite(
    found: dict[str, np.ndarray], names: list[str], path: Path
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The index and the named tensors.

    Raises:
        ValueError: a tensor holds a value that is not finite.
    """
    for name in names:
        if not np.isfinite(found[name]).all():
            raise ValueError(f"{path}: {name!r} holds a value that is not finite")
    return found["index"], [found[name] for name in names]
