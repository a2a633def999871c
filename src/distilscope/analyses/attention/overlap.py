"""How much of two models' attended regions is the same: intersection over union of binary maps.

A region is a bool map packed into words of 64 bits, an image a row, so that a shuffled null costs
little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

WORD = 64


@dataclass(frozen=True, eq=False)
class Regions:
    """The attended regions of N images.

    Attributes:
        words: uint64 (N, ceil(pixels / 64)), packed; what is left of the last word is 0.
        pixels: of an image.
    """

    words: np.ndarray
    pixels: int

    @classmethod
    def of(cls, maps: np.ndarray, threshold: float) -> Regions:
        """Where maps (N, H, W), scaled to [0, 1] each by its least and largest value, are above
        the threshold. A map that doesn't vary attends to nothing.
        """
        flat = maps.reshape(len(maps), -1).astype(np.float64)
        low, high = flat.min(axis=1, keepdims=True), flat.max(axis=1, keepdims=True)
        spread = high - low
        scaled = np.divide(flat - low, spread, out=np.zeros_like(flat), where=spread > 0)
        return cls.packed(scaled > threshold)

    @classmethod
    def packed(cls, inside: np.ndarray) -> Regions:
        """From bool (N, pixels)."""
        n, pixels = inside.shape
        whole = np.zeros((n, -(-pixels // WORD) * WORD), dtype=bool)
        whole[:, :pixels] = inside
        return cls(np.packbits(whole, axis=1).view(np.uint64), pixels)

    @classmethod
    def joined(cls, parts: Sequence[Regions]) -> Regions:
        """The images of all parts, one part after the other."""
        return cls(np.concatenate([part.words for part in parts]), parts[0].pixels)

    def __len__(self) -> int:
        """How many images."""
        return len(self.words)

    @cached_property
    def sizes(self) -> np.ndarray:
        """(N,) attended pixels."""
        return _count(self.words)

    @property
    def areas(self) -> np.ndarray:
        """(N,) the share of each image that is attended to."""
        return self.sizes / self.pixels

    def rows(self, chosen: np.ndarray) -> Regions:
        """Those of the images at these positions."""
        found = Regions(self.words[chosen], self.pixels)
        found.__dict__["sizes"] = self.sizes[chosen]  # counting is what a shuffle would cost most
        return found


def batches(n: int, size: int) -> list[slice]:
    """Of n positions in order; the last may be short."""
    return [slice(start, start + size) for start in range(0, n, size)]


def counts(first: Regions, second: Regions) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (N,) of the intersection and of the union, image by image."""
    shared = _count(first.words & second.words)
    return shared, first.sizes + second.sizes - shared


def by_image(first: Regions, second: Regions) -> np.ndarray:
    """Intersection over union (N,); NaN where neither attends to anything."""
    return _by_image(*counts(first, second))


def by_batch(first: Regions, second: Regions, batch: int) -> float:
    """The published overlap: of each batch in index order the sum of intersections over that of
    unions, so that large regions count more; their mean, weighted by the size of the batch.

    NaN where a batch attends to nothing.
    """
    return _by_batch(*counts(first, second), batch)


def nulls(
    first: Regions, second: Regions, batch: int, moved: Sequence[np.ndarray]
) -> tuple[np.ndarray, float]:
    """Overlaps where the reference's images are others, over the permutations `moved`: (N,) the
    mean by image, and the mean of the published overlap; NaN without a permutation.
    """
    if not moved:
        return np.full(len(first), np.nan), float("nan")
    found = [counts(first, second.rows(other)) for other in moved]
    images = np.array([_by_image(*each) for each in found])
    known = ~np.isnan(images)
    total, times = np.where(known, images, 0.0).sum(axis=0), known.sum(axis=0)
    mean = np.divide(total, times, out=np.full(len(total), np.nan), where=times > 0)
    return mean, float(np.mean([_by_batch(*each, batch) for each in found]))


def _by_image(shared: np.ndarray, either: np.ndarray) -> np.ndarray:
    return np.divide(shared, either, out=np.full(len(shared), np.nan), where=either > 0)


def _by_batch(shared: np.ndarray, either: np.ndarray, batch: int) -> float:
    starts = np.arange(0, len(shared), batch)
    sizes = np.diff([*starts, len(shared)])
    of_batches = np.add.reduceat(either, starts)
    if not of_batches.all():
        return float("nan")
    return float(np.average(np.add.reduceat(shared, starts) / of_batches, weights=sizes))


def together(regions: list[Regions], batch: int) -> float:
    """The published overlap of three models or more: what all attend to, over what any does."""
    everyone = Regions(np.bitwise_and.reduce([r.words for r in regions]), regions[0].pixels)
    anyone = Regions(np.bitwise_or.reduce([r.words for r in regions]), regions[0].pixels)
    return by_batch(everyone, anyone, batch)


def shuffles(n: int, times: int, seed: int) -> list[np.ndarray]:
    """Permutations (n,) under which no image stays in its place: the null of every overlap.

    Images lie on a random circle; the k-th permutation is a step of k places on it, or of as many
    as there are. One image has none.
    """
    circle = np.random.default_rng(seed).permutation(n)
    steps = range(1, min(times, n - 1) + 1)
    found = []
    for step in steps:
        moved = np.empty(n, dtype=np.int64)
        moved[circle] = np.roll(circle, step)
        found.append(moved)
    return found


def _count(words: np.ndarray) -> np.ndarray:
    return np.bitwise_count(words).sum(axis=1, dtype=np.int64)
