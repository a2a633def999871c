"""From a source of images to the prepared data set that every later step loads.

Read, keep the first images of each class, fit them to one size, make three channels, choose the
held-out images, measure mean and std.
"""

from __future__ import annotations

import hashlib
import logging
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from distilscope import store
from distilscope.data.files import IMAGES_FILE, MANIFEST_FILE
from distilscope.data.fit import FITS
from distilscope.data.hashing import Stream, mix, ranks_in_class
from distilscope.data.raw import BadData, RawPart, RawSplits
from distilscope.planning.job import Job
from distilscope.workflow.provenance import Stopwatch, write_run

GREY_RULE = "the grey value in each of three equal channels"

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Prepared:
    """The arrays of a prepared data set.

    Attributes:
        train, test: images uint8 (N, 3, H, W), labels and indices int64 (N,), by index.
        held_out: bool (N,), which of the train images are held out.
        mean, std: of each channel over train without held-out, pixels on [0, 1].
    """

    train: RawPart
    test: RawPart
    held_out: np.ndarray
    mean: list[float]
    std: list[float]


def prepare(job: Job) -> None:
    """Make the data set of a job: `images.safetensors`, `manifest.json` and `run.json`.

    Settings: `name`, `reader` (dotted path), `image_size`, `fit` (`pad` or `resize`),
    `classes` (names in the wanted order, or null for the reader's), `held_out` {fraction, seed},
    `limit` {train, test} (the most images of a class, or null for all).
    `job.information["source"]` is the path that the reader is given. `prepares` names a function
    that makes the same files in its own way and settings, for sources that are no training data.

    Raises:
        BadData: the source can't be read, its images don't fit, it has other classes, or a class
            has too few images to hold one out.
    """
    if "prepares" in job.settings:
        pkgutil.resolve_name(job.settings["prepares"])(job)
        return
    stopwatch = Stopwatch()
    stopwatch.phase("read")
    source = Path(job.information["source"])
    reader = pkgutil.resolve_name(job.settings["reader"])
    raw = reader(source, job.settings["image_size"], job.settings["fit"])
    raw = raw.ordered(job.settings.get("classes"))
    stopwatch.phase("arrange")
    prepared = arrange(raw, job.settings)
    notes = [*raw.notes, *_below_limit(raw, job.settings["limit"]), *_shared(prepared)]
    stopwatch.phase("write")
    arrays = _arrays(prepared)
    manifest = _manifest(raw, prepared, arrays, job.settings, str(source), notes)
    store.write_tensors(job.folder / IMAGES_FILE, arrays)
    store.write_json(job.folder / MANIFEST_FILE, manifest)
    write_run(job, stopwatch, {"counts": manifest["counts"], "notes": notes})
    for note in notes:
        log.warning("data set %s: %s", job.settings["name"], note)
    log.info("data set %s: %s images", job.settings["name"], manifest["counts"])


def arrange(raw: RawSplits, settings: Mapping[str, Any]) -> Prepared:
    """The prepared arrays of a source, as the settings of `prepare` say.

    Raises:
        BadData: an image is too large to be padded, a class has one training image, or the
            training images are all one colour.
    """
    limit = settings["limit"]
    train = _first_of_each_class(raw, "train", limit["train"])
    test = _first_of_each_class(raw, "test", limit["test"])
    fit, size = FITS[settings["fit"]], settings["image_size"]
    train, test = (
        RawPart(_three_channels(fit(part.images, size, raw.source)), part.labels, part.indices)
        for part in (train, test)
    )
    held_out = hold_out(train, settings["held_out"]["fraction"], settings["held_out"]["seed"], raw)
    mean, std = channel_statistics(train.images[~held_out])
    if min(std) == 0:
        raise BadData(f"{raw.source}: the training images are all one colour, expected pictures")
    return Prepared(train, test, held_out, mean, std)


def hold_out(train: RawPart, fraction: float, seed: int, raw: RawSplits) -> np.ndarray:
    """Choose the held-out images: of each class the rounded fraction, by hash of seed and index.

    At least one of a class is held out and at least one is left.

    Args:
        train: labels and indices are used.
        fraction: of each class, in (0, 1).
        seed: another seed is another choice.
        raw: whose names an error uses.

    Returns:
        bool (N,).

    Raises:
        BadData: a class has one image only.
        ValueError: the fraction is outside (0, 1).
    """
    if not 0 < fraction < 1:
        raise ValueError(f"held_out: fraction is {fraction}, expected a number in (0, 1)")
    counts = np.bincount(train.labels, minlength=len(raw.classes))
    if counts.min() < 2:
        label = int(counts.argmin())
        raise BadData(
            f"{raw.source}: class {raw.classes[label]!r} has {counts[label]} image(s) in train, "
            "2 are needed (one to hold out and one to train on)"
        )
    taken = np.clip(np.rint(counts * fraction).astype(np.int64), 1, counts - 1)
    ranks = ranks_in_class(train.labels, mix(Stream.HELD_OUT, seed, train.indices))
    return ranks < taken[train.labels]


def channel_statistics(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and population standard deviation of each channel, of pixels on [0, 1].

    They are worked out in float64 from the 256 counts of pixel values, so that neither the order
    nor the number of images costs precision.

    Args:
        images: uint8 (N, C, H, W).
    """
    values = np.arange(256) / 255
    means, deviations = [], []
    for channel in range(images.shape[1]):
        counts = np.bincount(images[:, channel].ravel(), minlength=256)
        mean = float(counts @ values / counts.sum())
        means.append(mean)
        deviations.append(float(np.sqrt(counts @ (values - mean) ** 2 / counts.sum())))
    return means, deviations


def _first_of_each_class(raw: RawSplits, split: str, limit: int | None) -> RawPart:
    """The first `limit` images of each class by index, or all; sorted by index."""
    part: RawPart = getattr(raw, split)
    labels, indices = part.labels.astype(np.int64), part.indices.astype(np.int64)
    order = np.argsort(indices)
    if limit is not None:
        order = order[ranks_in_class(labels, indices)[order] < limit]
    return RawPart(part.images[order], labels[order], indices[order])


def _below_limit(raw: RawSplits, limit: Mapping[str, int | None]) -> list[str]:
    """A sentence for each part in which a class has fewer images than the limit lets it have."""
    notes = []
    for split, most in limit.items():
        counts = np.bincount(
            getattr(raw, split).labels.astype(np.int64), minlength=len(raw.classes)
        )
        if most is not None and counts.min() < most:
            smallest = int(counts.argmin())
            notes.append(
                f"limit.{split} is {most} and {np.count_nonzero(counts < most)} class(es) have "
                f"fewer images, all of which are used; {raw.classes[smallest]!r} has the fewest, "
                f"{counts[smallest]}"
            )
    return notes


def _shared(prepared: Prepared) -> list[str]:
    """What is to be said of test images that are training or held-out images too, as prepared."""
    known = set(_digests(prepared.train.images))
    twice = np.array([digest in known for digest in _digests(prepared.test.images)], dtype=bool)
    if not twice.any():
        return []
    first = prepared.test.indices[np.flatnonzero(twice)[0]]
    return [
        f"{twice.sum()} of {len(twice)} test images are among the training images too, pixel by "
        f"pixel (the first has index {first}): a model may know them by heart, so that its "
        "accuracy is too good there"
    ]


def _digests(images: np.ndarray) -> list[bytes]:
    return [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]


def _three_channels(images: np.ndarray) -> np.ndarray:
    """uint8 (N, H, W) or (N, H, W, 3) to contiguous (N, 3, H, W)."""
    if images.ndim == 3:
        return np.repeat(images[:, None], 3, axis=1)
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def _arrays(prepared: Prepared) -> dict[str, np.ndarray]:
    arrays = {
        f"{name}.{what}": getattr(part, what)
        for name, part in (("train", prepared.train), ("test", prepared.test))
        for what in ("images", "labels", "indices")
    }
    return {**arrays, "train.held_out": prepared.held_out}


def _manifest(
    raw: RawSplits,
    prepared: Prepared,
    arrays: Mapping[str, np.ndarray],
    settings: Mapping[str, Any],
    source: str,
    notes: list[str],
) -> dict[str, Any]:
    labels = {
        "train": prepared.train.labels[~prepared.held_out],
        "held-out": prepared.train.labels[prepared.held_out],
        "test": prepared.test.labels,
    }
    classes = list(raw.classes)
    return {
        "classes": classes,
        "image_size": settings["image_size"],
        "fit": settings["fit"],
        "mean": prepared.mean,
        "std": prepared.std,
        "counts": {name: len(some) for name, some in labels.items()},
        "class_counts": {
            name: np.bincount(some, minlength=len(classes)).tolist()
            for name, some in labels.items()
        },
        "digests": {name: store.digest_bytes(array.data) for name, array in arrays.items()},
        "source": source,
        "notes": notes,
        "grey_rule": GREY_RULE if raw.grey else None,
    }
