"""Intervals over images: one set of resamples, drawn once, for every number of a study.

A resample is a vector of counts, so that the sums of all its columns are one matrix product,
and any statistic that is a function of sums (a mean, a ratio of means, an ECE) follows from
them. Models that share the images share the resamples: their differences are paired.

Such an interval says what other images would have given for these very models. It says nothing
of other seeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from distilscope.statistics.arithmetic import quotient

KEPT_SUBSETS = 4
"""Of 10,000 images in 1,000 resamples each takes 40 MB."""

GROUPS_AT_ONCE = 100
"""Of ten columns in 1,000 resamples they take 8 MB."""

MIN_DENOMINATOR = 0.05
"""Of a ratio: with a smaller one it is mostly noise."""


@dataclass(frozen=True)
class Resamples:
    """Counts (n, B) float32 of each of n images in each of B resamples of n."""

    counts: np.ndarray
    _recent: dict[tuple[str, bytes], Resamples] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def draw(cls, images: int, replicates: int = 1000, seed: int = 0) -> Resamples:
        """B multinomial resamples of `images` images."""
        if images < 1:
            raise ValueError("a bootstrap over images needs at least one image")
        generator = np.random.default_rng(seed)
        counts = generator.multinomial(images, np.full(images, 1.0 / images), size=replicates)
        return cls(np.ascontiguousarray(counts.T, dtype=np.float32))

    def subset(self, rows: np.ndarray) -> Resamples:
        """The same resamples, seen on some of the images (positions or a mask).

        The last few are kept: one table asks for the same images again and again.
        """
        key = (rows.dtype.str, rows.tobytes())
        found = self._recent.pop(key, None) or Resamples(self.counts[rows])
        self._recent[key] = found
        if len(self._recent) > KEPT_SUBSETS:
            del self._recent[next(iter(self._recent))]
        return found

    def part(self, rows: np.ndarray) -> Resamples:
        """The same, without keeping it: of what is asked for once."""
        return Resamples(self.counts[rows])

    @cached_property
    def totals(self) -> np.ndarray:
        """(B,) float32: how many images each resample holds, exact."""
        return self.counts.sum(axis=0)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """(M, B) sums of the columns of (n, M) values in each resample; values without NaN."""
        return values.T.astype(np.float32) @ self.counts


@dataclass(frozen=True)
class Estimates:
    """Of M columns: value and interval (M,), images that count, and images without a value."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n: np.ndarray
    n_undefined: np.ndarray

    def column(self, place: int) -> dict[str, Any]:
        """Those of one column: `value`, `low`, `high`, `n`, `n_undefined`."""
        ends = (float(each[place]) for each in (self.value, self.low, self.high))
        counts = (int(each[place]) for each in (self.n, self.n_undefined))
        names = ("value", "low", "high", "n", "n_undefined")
        return dict(zip(names, (*ends, *counts), strict=True))


def means(values: np.ndarray, resamples: Resamples, level: float = 0.95) -> Estimates:
    """Means of the columns of (n, M) over the images where they are not NaN, with intervals.

    The interval is NaN with fewer than two such images.
    """
    replicates, n = _mean_replicates(values, resamples)
    bounds = _bounds(replicates, n, level)
    return Estimates(_means(values, n), *bounds, n, len(values) - n)


def _means(values: np.ndarray, n: np.ndarray) -> np.ndarray:
    """(M,) means of the columns over their n values that are no NaN."""
    total = np.where(np.isnan(values), 0.0, values).sum(axis=0, dtype=np.float64)
    return quotient(total, n)


def means_by_group(
    values: np.ndarray,
    groups: Sequence[np.ndarray],
    position: np.ndarray,
    resamples: Resamples,
    level: float = 0.95,
) -> Iterator[Estimates]:
    """`means` of each group of rows of (n, M), the same numbers to the bit.

    Intervals of many groups are computed at once, since of a thousand classes most have few images.

    Args:
        groups: rows of `values`, (k,) each. position: (n,) which image of `resamples` a row is.
    """
    for start in range(0, len(groups), GROUPS_AT_ONCE):
        chosen = groups[start : start + GROUPS_AT_ONCE]
        parts = [values[rows] for rows in chosen]
        n = np.array([(~np.isnan(part)).sum(axis=0) for part in parts])
        low = np.full(n.shape, np.nan)
        high = low.copy()
        able = np.flatnonzero((n >= 2).any(axis=1))
        if len(able):
            each = [
                _mean_replicates(parts[i], resamples.part(position[chosen[i]]))[0] for i in able
            ]
            low[able], high[able] = interval(np.stack(each), level)
        low, high = (np.where(n >= 2, end, np.nan) for end in (low, high))
        for i, part in enumerate(parts):
            yield Estimates(_means(part, n[i]), low[i], high[i], n[i], len(part) - n[i])


def deviations(values: np.ndarray, resamples: Resamples, level: float = 0.95) -> Estimates:
    """Population standard deviations of the columns of (n, M) without NaN, with intervals."""
    defined = ~np.isnan(values)
    n = defined.sum(axis=0)
    divisor = np.where(n > 0, n, np.nan)
    mean = np.where(defined, values, 0.0).sum(axis=0, dtype=np.float64) / divisor
    centred = values - mean  # taken off first: squares of large means would cancel badly
    squares = np.where(defined, centred**2, 0.0).sum(axis=0, dtype=np.float64)
    value = np.sqrt(squares / divisor)
    both, _ = _mean_replicates(np.concatenate([centred, centred**2], axis=1), resamples)
    first, second = np.split(both, 2)
    replicates = np.sqrt(np.maximum(second - first**2, 0.0))
    return Estimates(value, *_bounds(replicates, n, level), n, len(values) - n)


def _mean_replicates(values: np.ndarray, resamples: Resamples) -> tuple[np.ndarray, np.ndarray]:
    """(M, B) means in each resample, and (M,) numbers of images with a value."""
    defined = ~np.isnan(values)
    if defined.all():
        sums, counts = resamples.sums(values), resamples.totals
    else:
        sums, counts = resamples.sums(np.where(defined, values, 0.0)), resamples.sums(defined)
    return quotient(sums, counts), defined.sum(axis=0)


def _bounds(replicates: np.ndarray, n: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    if (n < 2).all():  # as of most of a thousand classes
        return np.full(n.shape, np.nan), np.full(n.shape, np.nan)
    low, high = interval(replicates, level)
    return np.where(n >= 2, low, np.nan), np.where(n >= 2, high, np.nan)


def two_level(
    values: np.ndarray, images: Resamples, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of the mean of (S, N) values when both seeds and images are resampled.

    Seeds and images are crossed: each replicate draws S seeds and N images once, and a value
    counts as often as its seed times as often as its image (Owen 2007, "The pigeonhole
    bootstrap"). The mean is over seeds of the means over the images where a value is defined.
    With few seeds it is too narrow: at 3 seeds a nominal 95 % covers about 75 %.
    """
    counts = images.counts
    chosen = np.random.default_rng([seed, len(values)]).multinomial(
        len(values), np.full(len(values), 1.0 / len(values)), size=counts.shape[1]
    )
    means, _ = _mean_replicates(values.T, images)
    weights = chosen.T * ~np.isnan(means)
    total = np.where(np.isnan(means), 0.0, means) * weights
    mixed = quotient(total.sum(axis=0), weights.sum(axis=0))
    low, high = interval(mixed[None], level)
    return float(low[0]), float(high[0])


def interval(replicates: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval over the last axis, (..., B) -> two (...), ignoring NaN replicates."""
    tails = [(1 - level) / 2, (1 + level) / 2]
    replicates = np.asarray(replicates, np.float64)
    if np.isnan(replicates).any():
        return tuple(_quantiles_without_nan(replicates, tails))
    return tuple(np.quantile(replicates, tails, axis=-1))


def _quantiles_without_nan(replicates: np.ndarray, tails: list[float]) -> np.ndarray:
    """As `np.nanquantile` to the bit, all rows at once; NaN where every replicate is NaN."""
    ordered = np.sort(replicates, axis=-1)  # NaN comes last
    last = (~np.isnan(ordered)).sum(axis=-1) - 1
    place = np.multiply.outer(tails, np.maximum(last, 0))
    below = np.floor(place).astype(np.intp)
    part = place - below
    low, high = (
        np.take_along_axis(ordered[None], which[..., None], axis=-1)[..., 0]
        for which in (below, np.minimum(below + 1, np.maximum(last, 0)))
    )
    step = high - low
    # from the nearer end, as NumPy interpolates, so that both ends are met exactly
    return np.where(part >= 0.5, high - step * (1 - part), low + step * part)


def recentred_interval(
    replicates: np.ndarray, value: float, level: float = 0.95
) -> tuple[float, float]:
    """Percentile interval of replicates shifted by their bias, for sums of absolute values.

    Resampling adds noise inside the absolute value, so the replicates of an ECE lie above it,
    and their plain percentiles can miss the very value they are the interval of. It is cut at 0.
    """
    low, high = interval(replicates - (np.mean(replicates) - value), level)
    return float(max(low, 0.0)), float(max(high, 0.0))


@dataclass(frozen=True)
class Ratio:
    """A ratio of two means with its interval, or NaN and the reason."""

    value: float
    low: float
    high: float
    n: int
    reason: str | None


def ratio_of_means(
    numerator: np.ndarray,
    denominator: np.ndarray,
    resamples: Resamples,
    level: float = 0.95,
) -> Ratio:
    """mean(numerator) / mean(denominator) over the same (n,) images, resampled jointly.

    NaN with the reason where the denominator is under 0.05 or its interval reaches that:
    such a ratio is mostly noise.
    """
    n = len(numerator)
    if n < 2:
        return Ratio(np.nan, np.nan, np.nan, n, "fewer than two images have all terms")
    bottom = float(np.mean(denominator))
    sums = resamples.sums(np.column_stack([numerator, denominator]))
    bottom_low, _ = interval(quotient(sums[1], resamples.totals), level)
    if bottom < MIN_DENOMINATOR:
        reason = f"denominator {bottom:.3f} is under {MIN_DENOMINATOR:g}"
        return Ratio(np.nan, np.nan, np.nan, n, reason)
    if bottom_low < MIN_DENOMINATOR:
        begins = f"begins at {bottom_low:.3f}, under {MIN_DENOMINATOR:g}"
        reason = f"the interval of denominator {bottom:.3f} {begins}"
        return Ratio(np.nan, np.nan, np.nan, n, reason)
    low, high = interval(quotient(sums[0], sums[1], sums[1] != 0), level)
    return Ratio(float(np.mean(numerator)) / bottom, float(low), float(high), n, None)
