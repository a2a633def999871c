"""What a map that no model made scores against a reference's: a Gaussian, and the image's edges.

A score that such a map reaches says nothing of what the models have learned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from distilscope import catalog, store
from distilscope.analyses.alignment import image_specific_columns as specific
from distilscope.analyses.alignment import maps, undefined
from distilscope.analyses.alignment.alignment_rows import BY_CLASS, Pair, PairRows
from distilscope.analyses.alignment.pairs import Images, Prepared, Rules, measure_pair
from distilscope.data.files import IMAGES_FILE
from distilscope.measuring import observations
from distilscope.measuring.entries import Entry
from distilscope.measuring.observations import ABSENT, LayerMaps, Outputs
from distilscope.measuring.rows import Rows
from distilscope.measuring.study import Study

SIGMA = 1 / 4  # of the Gaussian, over the side of the map
GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601; equal channels stay as they are
NOT_OF_TRIVIAL = (specific.PARTIAL, *specific.SHARES)
WORDS = {"gaussian": "the Gaussian", "edges": "the map of edges"}


def gaussian(grid: tuple[int, int]) -> np.ndarray:
    """A centred Gaussian over a grid (h, w), 1 at its centre; sigma is a quarter of each side."""
    rows, columns = (
        np.exp(-0.5 * ((np.arange(side) - (side - 1) / 2) / (SIGMA * side)) ** 2) for side in grid
    )
    return rows[:, None] * columns[None, :]


def sobel(grey: np.ndarray) -> np.ndarray:
    """The magnitude of Sobel's gradient of (N, H, W), border pixels repeated: (N, H, W) float64."""
    padded = np.pad(np.asarray(grey, np.float64), ((0, 0), (1, 1), (1, 1)), mode="edge")
    down = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    across = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    return np.hypot(down[:, :, 2:] - down[:, :, :-2], across[:, 2:] - across[:, :-2])


def edges(images: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Sobel's magnitude of the grey images (N, 3, H, W), averaged over the areas of a grid.

    The averaging is the smoothing: the map is as coarse as the one that it is compared with.
    """
    grey = np.einsum("nchw,c->nhw", images.astype(np.float64), GREY)
    return maps.pool(sobel(grey), grid)


# --------------------------------------------------------------------------------------- rows


def add_trivial_rows(
    study: Study, rows: Rows, reference: Entry, compared: Sequence[Pair], rules: Rules
) -> None:
    """`gaussian_*` and `edges_*` of a reference's maps, as rows of the reference itself.

    Args:
        compared: the pairs of a model that is compared with it: which maps, on which images.
    """
    chosen = [
        pair
        for pair in compared
        if pair.key["explained"] == BY_CLASS and catalog.METHODS[pair.key["method"]].at == "layers"
    ]
    if not chosen:
        return
    pictures, outputs = _pictures(study), study.outputs[reference.id]
    methods = {pair.key["method"] for pair in chosen}
    stored = {m: observations.read_maps(reference.observation, study.probe, m) for m in methods}
    for pair in chosen:
        method, layer = pair.key["method"], pair.key["reference_layer"]
        found = observations.layer_of(stored[method], layer, method, reference.observation)
        for name, own in _pairs(pair, found, outputs, pictures, rules):
            columns = [name for name in own.measures if name not in NOT_OF_TRIVIAL]
            names = [f"{name}_{column}" for column in columns]
            PairRows(study, rows, reference, own).means(columns, "common", names)


def _pictures(study: Study) -> np.ndarray:
    """(N, 3, H, W) uint8, the images of the probe in its order."""
    split, dataset = study.probe, study.job.input("dataset")
    found = store.read_tensors(dataset / IMAGES_FILE, [f"{split}.images", f"{split}.indices"])
    order = np.argsort(found[f"{split}.indices"], kind="stable")
    return found[f"{split}.images"][order]


def _pairs(
    pair: Pair, stored: LayerMaps, outputs: Outputs, pictures: np.ndarray, rules: Rules
) -> Iterator[tuple[str, Pair]]:
    """Each trivial map beside the reference's of `pair`, for the class that the reference says."""
    classes = outputs.prediction[pair.position]
    places = stored.rows(outputs.index[pair.position], classes)
    native = maps.evidence(stored.values[places], pair.key["method"])
    native[places == ABSENT] = 0.0
    edge = edges(pictures[pair.position], stored.grid)
    grid = stored.grid if pair.key["resolution"] == "native" else pictures.shape[2:]
    centre = gaussian(grid)[None]
    made = {
        "gaussian": Prepared.of(centre, centre).take(np.zeros(len(native), np.int64)),
        "edges": Prepared.of(edge, maps.upsample(edge, grid)),
    }
    own = Prepared.of(native, maps.upsample(native, grid))
    label = outputs.with_labels_of(outputs).label[pair.position]
    common = pair.subsets["common"]
    images = Images(outputs.index[pair.position], label, classes, classes, common, common)
    key = {**pair.key, "layer": pair.key["reference_layer"], "reference_layer": None}
    for name, trivial in made.items():
        values = measure_pair(trivial, own, images, rules, published=False)
        reasons = _worded(values.pop("reason"), WORDS[name])
        reasons[places == ABSENT] = undefined.NO_MAP
        yield name, replace(pair, key=key, values=values, reasons=reasons)


def _worded(reasons: np.ndarray, words: str) -> np.ndarray:
    """The same reasons, of a map that is no model's."""
    named: Mapping[str | None, str | None] = {
        reason: reason and reason.replace("the model's map", words) for reason in set(reasons)
    }
    return np.array([named[reason] for reason in reasons], dtype=object)
