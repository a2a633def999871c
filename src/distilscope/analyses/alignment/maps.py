"""Maps and pairs of maps: resampling, ranks, correlation, top sets, overlap, mass.

A batch of maps is (N, h, w) before resampling and (N, P) after it, P pixels in row-major order.
Nothing loops over images. What is undefined is NaN: a flat map has no order, a map with fewer
positive pixels than a set holds has no such set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from distilscope import catalog
from distilscope.statistics.arithmetic import quotient

PUBLISHED_TOP = 0.2
PUBLISHED_RANGE = 1e-6
PUBLISHED_EPSILON = 1e-8  # added to the range that a map is scaled by
RANKED_AT_ONCE = 64
FLAT = 1e-12  # spread, relative to the largest value, below which a row counts as constant


def positive_part(maps: np.ndarray) -> np.ndarray:
    """What speaks for the class: max(map, 0), as GradCAM is defined (Selvaraju et al. 2017)."""
    return np.maximum(maps, 0.0)


# Input gradients have no sign that means "for the class": their size is what is compared.
EVIDENCE: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "positive": positive_part,
    "absolute": np.abs,
}


def evidence(maps: np.ndarray, method: str) -> np.ndarray:
    """The non-negative float64 map that the measures of a method are computed on, same shape.

    Raises:
        UnknownName: there is no such method.

    >>> evidence(np.array([[[1.0, -2.0]]]), "gradcam")
    array([[[1., 0.]]])
    """
    declared = catalog.lookup(catalog.METHODS, method, "explanation method")
    return EVIDENCE[declared.evidence](np.asarray(maps, np.float64))


# --------------------------------------------------------------------------------- resampling


def upsample(maps: np.ndarray, size: int | tuple[int, int]) -> np.ndarray:
    """Bilinear upsampling (align_corners=False) of (N, h, w) to (N, H, W), float64.

    Equals `torch.nn.functional.interpolate(mode="bilinear")`. Written as a + weight * (b - a), so
    that equal pixels stay equal to the last bit: ranks would see the difference.

    >>> upsample(np.array([[[0.0, 1.0]]]), (1, 4))
    array([[[0.  , 0.25, 0.75, 1.  ]]])
    """
    height, width = (size, size) if isinstance(size, int) else size
    maps = np.asarray(maps, np.float64)
    return _interpolate(_interpolate(maps, height, axis=1), width, axis=2)


def brought_to(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(N, h, w) to (N, H, W): averaged over areas where that is coarser, else upsampled."""
    coarser = size[0] < maps.shape[1] or size[1] < maps.shape[2]
    return pool(maps, size) if coarser else upsample(maps, size)


def _interpolate(maps: np.ndarray, target: int, axis: int) -> np.ndarray:
    source = maps.shape[axis]
    centre = np.maximum((np.arange(target) + 0.5) * source / target - 0.5, 0.0)
    low = np.floor(centre).astype(int)
    high = np.minimum(low + 1, source - 1)
    weight = (centre - low).reshape([-1 if i == axis else 1 for i in range(maps.ndim)])
    below = np.take(maps, low, axis)
    return below + weight * (np.take(maps, high, axis) - below)


def pool(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Average (N, h, w) over the areas of a coarser grid: (N, H, W), float64.

    Where h/H is not whole, a source pixel counts in each cell by the area it has there.

    Raises:
        ValueError: the target grid is finer than the source's.

    >>> pool(np.array([[[0.0, 1.0, 2.0, 5.0]]]), (1, 2))
    array([[[0.5, 3.5]]])
    """
    height, width = maps.shape[1:]
    if size[0] > height or size[1] > width:
        raise ValueError(f"can't average-pool a {height}x{width} grid to the finer {size}")
    if size == (height, width):
        return np.asarray(maps, np.float64)
    rows, columns = _area_matrix(height, size[0]), _area_matrix(width, size[1])
    return rows @ np.asarray(maps, np.float64) @ columns.T


def _area_matrix(source: int, target: int) -> np.ndarray:
    """(target, source): the share that each source pixel has in each target cell."""
    edges = np.arange(target + 1) * source / target
    start, stop = edges[:-1, None], edges[1:, None]
    pixel = np.arange(source)[None, :]
    overlap = np.clip(np.minimum(stop, pixel + 1) - np.maximum(start, pixel), 0.0, None)
    return overlap / overlap.sum(axis=1, keepdims=True)


# -------------------------------------------------------------------------------- correlation


def average_ranks(rows: np.ndarray) -> np.ndarray:
    """Ranks 1..P of each row of (N, P), float64; ties share their mean rank.

    The values of `scipy.stats.rankdata` with `axis=1` in half its time: what is worked on fits the
    processor's cache, and ranks are made once for each run of equal values.
    """
    ranks = np.empty(np.shape(rows), np.float64)
    for start in range(0, len(ranks), RANKED_AT_ONCE):
        block = slice(start, start + RANKED_AT_ONCE)
        order = np.argsort(rows[block], axis=1)
        np.put_along_axis(ranks[block], order, _sorted_ranks(rows[block], order), axis=1)
    return ranks


def _sorted_ranks(rows: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The ranks of each row (n, P) in rising order of its values."""
    values = np.take_along_axis(rows, order, axis=1)
    new = np.ones(values.shape, bool)
    new[:, 1:] = values[:, 1:] != values[:, :-1]
    begins = np.flatnonzero(new)
    lengths = np.diff(begins, append=new.size)
    return np.repeat(begins % values.shape[1] + (lengths + 1) / 2, lengths).reshape(values.shape)


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Each row of (N, P) minus its mean, scaled to length 1; a constant row becomes NaN.

    The product of two such rows is their Pearson correlation.
    """
    rows = np.asarray(rows, np.float64)
    centred = rows - rows.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("np,np->n", centred, centred))
    largest = np.abs(rows).max(axis=1)
    flat = ~(length > FLAT * largest * np.sqrt(rows.shape[1]))
    return centred / np.where(flat, np.nan, length)[:, None]


def correlate_units(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson correlation by row of two results of `unit_rows`: (N,), in [-1, 1] or NaN."""
    return np.clip(np.einsum("np,np->n", a, b), -1.0, 1.0)


def spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Spearman's rho by row of two (N, P): Pearson of average ranks, NaN for constant rows."""
    return correlate_units(unit_rows(average_ranks(a)), unit_rows(average_ranks(b)))


def unit_lengths(rows: np.ndarray) -> np.ndarray:
    """(N, P) rows scaled to length 1; NaN where a row is zero everywhere.

    The product of two such rows is their cosine.
    """
    return quotient(rows, np.linalg.norm(rows, axis=1, keepdims=True))


# ----------------------------------------------------------------------------------- top sets


def set_size(share: float, pixels: int) -> int:
    """How many pixels the top `share` of a map holds: round(share * pixels)."""
    return round(share * pixels)


@dataclass(frozen=True)
class TopOrder:
    """The pixels of each map from the largest to the smallest.

    Attributes:
        position: (N, P) int32, 0 for the largest pixel; equal pixels in row-major order.
        positive: (N,) number of positive pixels; 0 for a constant map, which has no order.
        largest: (N,) number of pixels that have the largest value.
    """

    position: np.ndarray
    positive: np.ndarray
    largest: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> TopOrder:
        """The order of each row of (N, P)."""
        order = np.argsort(-rows, axis=1, kind="stable")
        position = np.empty(rows.shape, np.int32)
        np.put_along_axis(position, order, np.arange(rows.shape[1], dtype=np.int32)[None, :], 1)
        peak = rows.max(axis=1)
        positive = np.where(peak == rows.min(axis=1), 0, (rows > 0).sum(axis=1))
        return cls(position, positive, (rows == peak[:, None]).sum(axis=1))

    def take(self, rows: np.ndarray) -> TopOrder:
        """Some of the maps, in that order."""
        return TopOrder(self.position[rows], self.positive[rows], self.largest[rows])

    def members(self, share: float) -> np.ndarray:
        """(N, P) bool: the exactly k largest pixels; all False where the set is undefined."""
        size = set_size(share, self.position.shape[1])
        return (self.position < size) & self.defined(share)[:, None]

    def defined(self, share: float) -> np.ndarray:
        """(N,) bool: at least k pixels are positive, so zeros never fill the set up, and at most k
        have the largest value, so that row-major order never makes the whole set up.
        """
        size = set_size(share, self.position.shape[1])
        return (self.positive >= size) & (size > 0) & ~self.tied(share)

    def tied(self, share: float) -> np.ndarray:
        """(N,) bool: more pixels have the one largest value than the set holds."""
        return self.largest > set_size(share, self.position.shape[1])


def iou(a: TopOrder, b: TopOrder, share: float) -> np.ndarray:
    """Intersection over union of two top sets by image: (N,), NaN where a set is undefined."""
    size = set_size(share, a.position.shape[1])
    common = (a.members(share) & b.members(share)).sum(axis=1)
    return np.where(a.defined(share) & b.defined(share), overlap_to_iou(common, size), np.nan)


def overlap_to_iou(common: np.ndarray, size: int) -> np.ndarray:
    """IoU of two sets of `size` members each that share `common`."""
    return common / (2 * size - common) if size else np.full(np.shape(common), np.nan)


def mass_in_top(rows: np.ndarray, reference: TopOrder, share: float) -> np.ndarray:
    """Share of a map's mass that lies in the reference's top set: (N,) in [0, 1].

    NaN where the map (N, P) is zero everywhere or the set is undefined.
    """
    inside = np.where(reference.members(share), rows, 0.0).sum(axis=1)
    total = rows.sum(axis=1)
    return quotient(inside, total, (total > 0) & reference.defined(share))


def mass_lift(rows: np.ndarray, reference: TopOrder, share: float) -> np.ndarray:
    """`mass_in_top` over the share of pixels that the set really holds: 1 is chance."""
    pixels = rows.shape[1]
    size = set_size(share, pixels)
    return mass_in_top(rows, reference, share) * (pixels / size if size else np.nan)


# ---------------------------------------------------------------------------- as it was published


def degenerate(rows: np.ndarray) -> np.ndarray:
    """(N,) bool: the published study drops an image whose map, once scaled, has a range under 1e-6.

    It scales by (map - min) / (max - min + 1e-8) first, so that all but constant maps stay.
    """
    span = np.ptp(rows, axis=1)
    return span / (span + PUBLISHED_EPSILON) < PUBLISHED_RANGE


def published_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """IoU as published: a set is every pixel >= the k-th largest, k = floor(0.2 P), ties kept."""
    first, second = _published_set(a), _published_set(b)
    return (first & second).sum(axis=1) / (first | second).sum(axis=1)


def _published_set(rows: np.ndarray) -> np.ndarray:
    pixels = rows.shape[1]
    size = max(1, int(PUBLISHED_TOP * pixels))
    threshold = np.partition(rows, pixels - size, axis=1)[:, pixels - size]
    return rows >= threshold[:, None]
