"""What every reader returns: the images of a source as they are, checked."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

DECODED_LIMIT_BYTES = 4 * 2**30
"""The most bytes of decoded images that a reader takes from one source."""


class BadData(ValueError):
    """A source of images that can't be used. The message names the file, the fault and the cure."""


@dataclass(frozen=True, eq=False)
class RawPart:
    """The train or the test images of a source.

    Attributes:
        images: uint8, (N, H, W) grey or (N, H, W, 3) colour.
        labels: integers (N,), the position of the class in `RawSplits.classes`.
        indices: integers (N,), the dataset index of each image: its position in the source's
            train split, or its position in the test split plus the source's number of
            train images.
    """

    images: np.ndarray
    labels: np.ndarray
    indices: np.ndarray


@dataclass(frozen=True, eq=False)
class RawSplits:
    """A whole source of labelled images.

    Attributes:
        train, test: the two parts, of one image size and both grey or both colour.
        classes: a name for each label.
        source: what error messages call it, usually its path.
        notes: sentences on what was decided in reading it, for the log and the manifest.

    Raises:
        BadData: shapes, types, labels, indices or names that don't fit together.
    """

    train: RawPart
    test: RawPart
    classes: tuple[str, ...]
    source: str
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        """Refuse what later steps can't use."""
        _check_names(self.classes, self.source)
        for name, part in (("train", self.train), ("test", self.test)):
            where = f"{self.source}: {name}"
            _check_images(part.images, where)
            _check_numbers(part.labels, "labels", len(part.images), where)
            _check_numbers(part.indices, "indices", len(part.images), where)
            _check_labels(part.labels, self.classes, where)
        _check_together(self)

    @property
    def grey(self) -> bool:
        """Whether the images have one channel."""
        return self.train.images.ndim == 3

    def ordered(self, classes: Sequence[str] | None) -> RawSplits:
        """The same images with their classes in another order; None keeps the reader's.

        Raises:
            BadData: `classes` are not the names of this source's classes.
        """
        if classes is None:
            return self
        composed = [unicodedata.normalize("NFC", name) for name in self.classes]
        places = [unicodedata.normalize("NFC", name) for name in classes]
        if sorted(composed) != sorted(places):
            raise BadData(
                f"{self.source}: data.classes are {', '.join(classes)}, expected these names in "
                f"any order: {', '.join(self.classes)}"
            )
        order = [composed.index(name) for name in places]
        return self._reordered(order)

    def _reordered(self, order: Sequence[int]) -> RawSplits:
        """With the classes at the places `order`, in that order."""
        moved = np.argsort(order)
        train, test = (replace(p, labels=moved[p.labels]) for p in (self.train, self.test))
        classes = tuple(self.classes[place] for place in order)
        return replace(self, train=train, test=test, classes=classes)


def in_order(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    classes: Sequence[str] | None,
    source: str,
    notes: Sequence[str] = (),
) -> RawSplits:
    """The splits of a source that is whole: an image's position is its index.

    Args:
        train, test: images and labels, as in `RawPart`.
        classes: names; None calls the classes "0", "1", ... up to the largest train label.
        source, notes: as in `RawSplits`.
    """
    if classes is None:
        classes = numbered_classes(train[1], source)
    count = len(train[0])
    return RawSplits(
        train=RawPart(*train, np.arange(count)),
        test=RawPart(*test, np.arange(count, count + len(test[0]))),
        classes=tuple(classes),
        source=source,
        notes=tuple(notes),
    )


def numbered_classes(labels: np.ndarray, source: str) -> tuple[str, ...]:
    """Names for classes that have none: "0", "1", ... up to the largest label.

    Raises:
        BadData: labels are not whole numbers, or leave out some below the largest.
    """
    if not np.issubdtype(labels.dtype, np.integer):
        raise BadData(f"{source}: labels are {labels.dtype}, expected integers or text")
    largest = int(labels.max()) if labels.size else -1
    if largest >= len(labels):
        raise BadData(
            f"{source}: the largest label is {largest} and there are {len(labels)} train images; "
            "labels are the positions of classes: 0, 1, 2, ... with none left out"
        )
    return tuple(str(label) for label in range(largest + 1))


def _check_names(classes: tuple[str, ...], source: str) -> None:
    if len(classes) < 2:
        raise BadData(f"{source}: {len(classes)} class(es), at least 2 are needed")
    composed = [unicodedata.normalize("NFC", name) for name in classes]  # one name in each form
    twice = sorted({name for name in composed if composed.count(name) > 1})
    if twice:
        raise BadData(f"{source}: class name {twice[0]!r} occurs twice, names must be distinct")


def _check_images(images: np.ndarray, where: str) -> None:
    grey = images.ndim == 3
    colour = images.ndim == 4 and images.shape[3] == 3
    if not (grey or colour) or 0 in images.shape[1:]:
        first = images.ndim == 4 and images.shape[1] in (1, 3)
        cure = "; channels come last: images.transpose(0, 2, 3, 1)" if first else ""
        raise BadData(
            f"{where}: images have shape {images.shape}, "
            f"expected (N, H, W) for grey or (N, H, W, 3) for colour{cure}"
        )
    if images.dtype != np.uint8:
        raise BadData(f"{where}: images are {images.dtype}, expected uint8 (0 to 255)")


def _check_numbers(numbers: np.ndarray, what: str, count: int, where: str) -> None:
    if not np.issubdtype(numbers.dtype, np.integer):
        raise BadData(f"{where}: {what} are {numbers.dtype}, expected integers")
    if numbers.shape != (count,):
        raise BadData(
            f"{where}: {what} have shape {numbers.shape} for {count} images, expected one number "
            "an image"
        )


def _check_labels(labels: np.ndarray, classes: tuple[str, ...], where: str) -> None:
    outside = (labels < 0) | (labels >= len(classes))
    if outside.any():
        position = int(outside.argmax())
        raise BadData(
            f"{where}: label {labels[position]} of image {position} is outside 0 to "
            f"{len(classes) - 1} ({len(classes)} classes)"
        )
    counts = np.bincount(labels.astype(np.int64), minlength=len(classes))
    if (counts == 0).any():
        name = classes[int((counts == 0).argmax())]
        raise BadData(f"{where}: class {name!r} has no image, at least 1 is needed")


def _check_together(raw: RawSplits) -> None:
    if raw.train.images.shape[1:] != raw.test.images.shape[1:]:
        raise BadData(
            f"{raw.source}: train images have shape {raw.train.images.shape[1:]} and test images "
            f"{raw.test.images.shape[1:]}, they must be alike"
        )
    indices = np.concatenate([p.indices.astype(np.int64) for p in (raw.train, raw.test)])
    if (indices < 0).any() or len(np.unique(indices)) != len(indices):
        raise BadData(
            f"{raw.source}: an index names two images or is negative, "
            "each image of train and test needs its own"
        )
