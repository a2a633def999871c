"""How much of a map lies on each part, and whether two models weigh the parts alike.

A map is (N, H, W), signed, at the resolution of its part map (N, H, W), where 0 is no part and p
the p-th of P parts. What a map says of the parts is (N, P), NaN for a part that can't be seen.
Nothing loops over images. The definitions with their traps are in docs/parts.md.

The study that these stand for is known from a summary only (T. Day, "Knowledge distillation changes
where models look"): it correlates part importances and takes the mass inside the teacher's top five
parts. The formulas are reconstructions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from distilscope.analyses.alignment import maps
from distilscope.analyses.parts.importances import importance
from distilscope.statistics.arithmetic import mean, quotient

MINIMUM_PARTS = 3
EQUAL = 10
"""Decimals, relative to the image's largest, to which importances are told apart: sums of float64
that ought to be equal differ in the last digits, and ranks would see it."""


@dataclass(frozen=True, eq=False)
class PartSums:
    """Sums of maps over parts; column 0 is what belongs to no part.

    Attributes:
        absolute, positive, signed: float64 (N, P + 1), of |A|, max(A, 0) and A.
        area: int64 (N, P + 1), pixels.
    """

    absolute: np.ndarray
    positive: np.ndarray
    signed: np.ndarray
    area: np.ndarray

    @classmethod
    def of(cls, maps: np.ndarray, part_maps: np.ndarray, parts: int) -> PartSums:
        """Add up signed maps (N, H, W) over part maps, uint8 (N, H, W) of numbers up to `parts`.

        Raises:
            ValueError: the shapes differ, a part map holds a larger number, or a map has a value
                that is not finite.
        """
        if maps.shape != part_maps.shape or maps.ndim != 3:
            raise ValueError(
                f"maps of shape {maps.shape} on part maps of {part_maps.shape}: both must be "
                "(N, H, W), so upsample the maps to the image first"
            )
        if part_maps.size and part_maps.max() > parts:
            raise ValueError(f"a part map holds the number {part_maps.max()} of {parts} parts")
        values = np.asarray(maps, np.float64).ravel()
        if not np.isfinite(values).all():
            raise ValueError("a map has a value that is not finite; maps must be numbers")
        count, columns = len(maps), parts + 1
        start = np.arange(count, dtype=np.int64)[:, None] * columns
        cells = (part_maps.reshape(count, -1) + start).ravel()

        def add(weights: np.ndarray | None) -> np.ndarray:
            sums = np.bincount(cells, weights, minlength=count * columns)
            return sums.reshape(count, columns)

        return cls(add(np.abs(values)), add(np.maximum(values, 0.0)), add(values), add(None))

    @property
    def visible(self) -> np.ndarray:
        """bool (N, P): the part has a pixel."""
        return self.area[:, 1:] > 0

    def dead(self, of: str) -> np.ndarray:
        """bool (N,): the map has no `absolute` or no `positive` value anywhere."""
        return ~(self.of_kind("positive" if of == "positive" else "absolute").sum(axis=1) > 0)

    def importance(self, variant: str) -> np.ndarray:
        """What the map says of each part: float64 (N, P), NaN where a part can't be seen and, but
        for `sum_signed`, where the map is dead.

        `mass_*` is sum_p / sum over the image, in [0, 1]: the shares of all parts and of no part
        add up to 1. `density_*` is that over the part's share of the pixels: 1 for a level map.
        `sum_signed` is the sum itself, in logits for integrated gradients.

        Raises:
            UnknownName: there is no such variant.
        """
        chosen = importance(variant)
        sums = self.of_kind(chosen.of)
        if chosen.per == "nothing":
            return np.where(self.visible, sums[:, 1:], np.nan)
        share = sums / np.where(self.dead(chosen.of), np.nan, sums.sum(axis=1))[:, None]
        if chosen.per == "area":
            share = share * self.area.sum(axis=1, keepdims=True) / np.maximum(self.area, 1)
        return np.where(self.visible, share[:, 1:], np.nan)

    def of_kind(self, of: str) -> np.ndarray:
        """The sums of |A|, max(A, 0) or A: `absolute`, `positive` or `signed`."""
        return {"absolute": self.absolute, "positive": self.positive, "signed": self.signed}[of]


# --------------------------------------------------------------------------------- correlation


def part_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks 1 .. n among the n numbers of each row of (N, P), NaN for NaN; ties share their mean.

    Numbers that differ by less than 1e-10 of the row's largest count as tied.
    """
    missing = np.isnan(values)
    largest = np.abs(np.where(missing, 0.0, values)).max(axis=1, initial=0.0)[:, None]
    scaled = np.round(values / np.where(largest > 0, largest, 1.0), EQUAL)
    ranks = maps.average_ranks(np.where(missing, np.inf, scaled))  # what is missing comes last
    return np.where(missing, np.nan, ranks)


def part_rho(
    first: np.ndarray, second: np.ndarray, minimum_parts: int = MINIMUM_PARTS
) -> np.ndarray:
    """Spearman's rho over the parts, by image: the Pearson correlation of average ranks.

    Args:
        first, second: (N, P), NaN where a part can't be seen. Parts that both have are ranked.
        minimum_parts: parts that an image needs.

    Returns:
        (N,) in [-1, 1]; NaN with fewer parts, or where either ranks all parts alike. Its null is 0
        with a standard deviation of 1 / sqrt(n - 1) for n parts (independent orders, no ties).
    """
    both = ~(np.isnan(first) | np.isnan(second))
    n = both.sum(axis=1)
    deviations = []
    for values in (first, second):
        ranks = np.where(both, part_ranks(np.where(both, values, np.nan)), 0.0)
        deviations.append(np.where(both, ranks - (n[:, None] + 1) / 2, 0.0))
    a, b = deviations
    norm = np.sqrt(np.einsum("np,np->n", a, a) * np.einsum("np,np->n", b, b))
    usable = (n >= minimum_parts) & (norm > 0)
    product = np.einsum("np,np->n", a, b)
    return np.clip(quotient(product, norm, usable), -1.0, 1.0)


def shuffled_part_rho(
    first: np.ndarray, second: np.ndarray, table: np.ndarray, minimum_parts: int = MINIMUM_PARTS
) -> np.ndarray:
    """The null of `part_rho`: what it would be, had the reference been shown another image.

    Args:
        first, second: (N, P) importances of model and reference.
        table: (shuffles, N) positions of the images that stand in (`nulls.partners` for others of
            the class), -1 for none.

    Returns:
        (N,) means over the shuffles where the two images have `minimum_parts` parts in common;
        NaN where there is no such shuffle.
    """
    others = (np.where((row >= 0)[:, None], second[row], np.nan) for row in table)
    return mean(np.array([part_rho(first, other, minimum_parts) for other in others]))


def level(values: np.ndarray) -> np.ndarray:
    """bool (N,): an image has importances (N, P) and they are all equal, so they have no order."""
    ranks = part_ranks(values)
    known = ~np.isnan(ranks)
    low = np.where(known, ranks, np.inf).min(axis=1, initial=np.inf)
    high = np.where(known, ranks, -np.inf).max(axis=1, initial=-np.inf)
    return low == high
