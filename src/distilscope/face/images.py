"""Images that somebody has in Python, batch by batch: a tensor, an array, or a loader."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

THUMBNAIL = 96  # pixels of the longer side
SHOWN = 1000  # images of which a thumbnail is kept: 28 MB

Images = Tensor | np.ndarray | Iterable


@dataclass(frozen=True)
class Taken:
    """A batch: images (B, ...) as the models take them, labels (B,) int64 or None."""

    images: Tensor
    labels: np.ndarray | None


@dataclass
class Source:
    """Batches in the order in which they come, read once.

    Attributes:
        first: the first batch, which can be looked at before all are read.
        thumbnails: (3 or 1, h, w) uint8 of the first images, for pictures of them.
    """

    first: Taken
    thumbnails: list[np.ndarray] = field(default_factory=list)
    _rest: Iterator[Taken] = field(default_factory=lambda: iter(()))
    _block: np.ndarray | None = None

    @classmethod
    def of(cls, images: Images, labels: ArrayLike | None, batch: int) -> Source:
        """From a tensor or array (N, C, H, W), or batches: tensors or (tensor, labels, ...).

        Args:
            labels: (N,) integers; None takes those of the batches, where they have any.
            batch: images that go through a model together; a loader's batches are its own.

        Raises:
            ValueError: there are no images, or the labels do not fit them.
            TypeError: something else than images.
        """
        known = None if labels is None else _integers(labels)
        if isinstance(images, (Tensor, np.ndarray)):
            found = _of_tensor(torch.as_tensor(images), known, batch)
        elif isinstance(images, Iterable):
            found = _of_batches(images, known)
        else:
            raise TypeError(
                f"images is a {type(images).__name__}; expected a tensor (N, C, H, W) or a "
                "DataLoader"
            )
        first = next(found, None)
        if first is None:
            raise ValueError("there are no images")
        return cls(first, _rest=found)

    def __iter__(self) -> Iterator[Taken]:
        """Every batch, once."""
        for taken in itertools.chain([self.first], self._rest):
            self._keep(taken.images)
            yield taken

    def _keep(self, images: Tensor) -> None:
        room = SHOWN - len(self.thumbnails)
        if room > 0 and images.ndim == 4 and images.shape[1] in (1, 3):
            for image in images[:room]:
                self._keep_small(_thumbnail(image))

    def _keep_small(self, small: np.ndarray) -> None:
        """Keep a thumbnail in one block with those of its shape.

        By itself it would lie between the memory of two batches, which grows by what it divides.
        """
        if self._block is None:
            self._block = np.empty((SHOWN, *small.shape), np.uint8)
        if small.shape == self._block.shape[1:]:
            place = self._block[len(self.thumbnails)]
            place[:] = small
            small = place
        self.thumbnails.append(small)


def _of_tensor(images: Tensor, labels: np.ndarray | None, batch: int) -> Iterator[Taken]:
    _check_shape(images)
    if labels is not None and len(labels) != len(images):
        raise ValueError(f"there are {len(images)} images and {len(labels)} labels")
    for start in range(0, len(images), batch):
        rows = slice(start, start + batch)
        yield Taken(_checked(images[rows]), None if labels is None else labels[rows])


def _of_batches(batches: Iterable, labels: np.ndarray | None) -> Iterator[Taken]:
    seen = 0
    for found in batches:
        images, own = (found, None) if isinstance(found, Tensor) else _unpacked(found)
        rows = slice(seen, seen + len(images))
        seen += len(images)
        if labels is not None:
            own = labels[rows]
        if own is not None and len(own) != len(images):
            raise ValueError(f"a batch ends at image {seen}, and there are {len(labels)} labels")
        yield Taken(_checked(images), own)
    if labels is not None and seen != len(labels):
        raise ValueError(f"there are {seen} images and {len(labels)} labels")


def _unpacked(found: object) -> tuple[Tensor, np.ndarray | None]:
    """The images and labels of what a loader yields."""
    if isinstance(found, (tuple, list)) and found and isinstance(found[0], Tensor):
        return found[0], _integers(found[1]) if len(found) > 1 else None
    named = f" with {', '.join(map(repr, found))}" if isinstance(found, dict) else ""
    raise TypeError(
        f"the loader yields a {type(found).__name__}{named}; expected a tensor of images or "
        "(images, labels): give a generator that takes these out of each batch"
    )


def _check_shape(images: Tensor) -> None:
    if images.ndim != 4:
        raise ValueError(
            f"images are {'x'.join(map(str, images.shape))}; expected (images, channels, height, "
            "width), also where there is one: images[None]; a list of them by torch.stack"
        )


def _checked(images: Tensor) -> Tensor:
    _check_shape(images)
    if not torch.isfinite(images).all():
        raise ValueError("the images hold a value that is not finite")
    return images


def _integers(labels: ArrayLike) -> np.ndarray:
    found = np.asarray(labels.cpu() if isinstance(labels, Tensor) else labels)
    if found.ndim != 1 or not np.issubdtype(found.dtype, np.integer):
        raise ValueError(
            f"labels are {found.shape} of {found.dtype}; expected one integer an image, the "
            "position of its class among the logits"
        )
    return found.astype(np.int64)


def _thumbnail(image: Tensor) -> np.ndarray:
    """(C, h, w) uint8: every so many pixels, scaled to the image's own range."""
    step = -(-max(image.shape[1:]) // THUMBNAIL)
    small = image[:, ::step, ::step].detach().to("cpu", torch.float32)
    low, high = small.min(), small.max()
    scaled = (small - low) / (high - low).clamp_min(1e-12)
    return (255 * scaled).round().to(torch.uint8).numpy()
