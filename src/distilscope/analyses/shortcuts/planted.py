"""A data set with a planted shortcut: a patch that goes with one class, made from a prepared set.

It is what a detector of shortcuts is judged by: which class has one, and on which images it
is, is known. The images of all splits are planted alike, since they stand for one source.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from distilscope import store
from distilscope.data.files import IMAGES_FILE, MANIFEST_FILE
from distilscope.data.hashing import mix, ranks_in_class
from distilscope.data.raw import BadData
from distilscope.planning.job import Job
from distilscope.workflow.provenance import Stopwatch, write_run

PLANTED = 101
"""The first word of the hashes that choose images: of no other decision (`hashing.Stream`)."""


def plant(job: Job) -> None:
    """Make the data set of a job: the files of `prepare`, and which images have the patch.

    Settings: `class` (a label), `probability` (share of its images with the patch), `elsewhere`
    (share of every other class's), `patch` {size, value, place} as `draw` takes it, `seed`. Input:
    `dataset`. Mean and standard deviation stay those of the input, so that models of either data
    set can be shown the other's images.

    Raises:
        BadData: there is no such class, or the patch doesn't fit into the images.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("read")
    folder, settings = job.input("dataset"), job.settings
    manifest = store.read_json(folder / MANIFEST_FILE, classes=list)
    arrays = store.read_tensors(folder / IMAGES_FILE)
    stopwatch.phase("plant")
    chosen = choose(arrays, len(manifest["classes"]), settings)
    planted = dict(arrays)
    for part, rows in chosen.items():
        images = arrays[f"{part}.images"].copy()
        images[rows] = draw(images[rows], settings["patch"])
        planted |= {f"{part}.images": images, f"{part}.planted": rows}
    stopwatch.phase("write")
    counts = _counts(arrays, chosen, len(manifest["classes"]))
    about = {
        **manifest,
        "digests": {name: store.digest_bytes(array.data) for name, array in planted.items()},
        "planted": {**settings, "counts": counts},
    }
    store.write_tensors(job.folder / IMAGES_FILE, planted)
    store.write_json(job.folder / MANIFEST_FILE, about)
    write_run(job, stopwatch, {"planted": counts})


def choose(
    arrays: Mapping[str, np.ndarray], classes: int, settings: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """Which images get the patch: `train` and `test` -> (N,) bool.

    Of each class in each split (train, held-out, test) it is the rounded share, by a hash of seed
    and dataset index, so that the counts are exact and do not depend on the order of images.

    Raises:
        BadData: there is no such class.
    """
    label = settings["class"]
    if not 0 <= label < classes:
        raise BadData(f"planted class {label}: the data set has the classes 0 to {classes - 1}")
    share = np.full(classes, float(settings["elsewhere"]))
    share[label] = settings["probability"]
    held_out = arrays["train.held_out"]
    test = np.ones(len(arrays["test.labels"]), bool)
    found = {}
    for part, splits in (("train", (held_out, ~held_out)), ("test", (test,))):
        found[part] = np.zeros(len(arrays[f"{part}.labels"]), bool)
        for rows in map(np.flatnonzero, splits):
            labels = arrays[f"{part}.labels"][rows]
            keys = mix(PLANTED, settings["seed"], arrays[f"{part}.indices"][rows])
            taken = np.rint(share * np.bincount(labels, minlength=classes)).astype(np.int64)
            found[part][rows] = ranks_in_class(labels, keys) < taken[labels]
    return found


def draw(images: np.ndarray, patch: Mapping[str, Any]) -> np.ndarray:
    """Images uint8 (N, 3, H, W) with a square patch.

    Args:
        patch: `size` (pixels), `value` (red, green, blue, 0 to 255), `place` (row and column of
            its upper left pixel).

    Raises:
        BadData: the patch reaches over the edge.
    """
    size, (row, column) = patch["size"], patch["place"]
    height, width = images.shape[2:]
    if row + size > height or column + size > width:
        raise BadData(
            f"a patch of {size} pixels at {[row, column]} reaches over the edge of images of "
            f"{height}x{width}; it must end inside"
        )
    drawn = images.copy()
    colour = np.array(patch["value"], np.uint8)[:, None, None]
    drawn[:, :, row : row + size, column : column + size] = colour
    return drawn


def _counts(
    arrays: Mapping[str, np.ndarray], chosen: Mapping[str, np.ndarray], classes: int
) -> dict[str, list[int]]:
    """Images with the patch by class, of each split."""
    held_out = arrays["train.held_out"]
    rows = {
        "train": ("train", chosen["train"] & ~held_out),
        "held-out": ("train", chosen["train"] & held_out),
        "test": ("test", chosen["test"]),
    }
    return {
        name: np.bincount(arrays[f"{part}.labels"][some], minlength=classes).tolist()
        for name, (part, some) in rows.items()
    }
