"""What a score would be if the reference had been shown another image.

The null of an image is the mean over seeded shuffles of score(model's map of the image,
reference's map of another image of its class). All pairs of a class are one matrix product,
and the shuffles pick their pairs out of it. For images of other classes the pairs are too many
to make them all: only those that are drawn are scored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from distilscope.analyses.alignment import maps
from distilscope.statistics.arithmetic import mean, quotient

AllPairs = Callable[[np.ndarray], np.ndarray]
DrawnPairs = Callable[[np.ndarray, np.ndarray], np.ndarray]
OTHER_CLASSES = 1  # keeps the draws of other classes apart from the shuffles of the same seed


def partners(groups: np.ndarray, member: np.ndarray, shuffles: int, seed: int) -> np.ndarray:
    """Who stands in for whom: each shuffle is one random cycle through the members of a group.

    Args:
        groups: (N,) class of each image.
        member: (N,) bool, the images that take part.

    Returns:
        (shuffles, N) positions, never the image itself; -1 for images that do not take part or
        are alone in their class.
    """
    generator = np.random.default_rng(seed)
    table = np.full((shuffles, len(groups)), -1, np.int64)
    taking_part = np.flatnonzero(member)
    if len(taking_part) == 0:
        return table
    for shuffle in table:
        key = generator.random(len(groups))
        order = taking_part[np.lexsort((key[taking_part], groups[taking_part]))]
        starts = np.flatnonzero(np.r_[True, groups[order][1:] != groups[order][:-1]])
        ends = np.r_[starts[1:], len(order)] - 1
        following = np.roll(order, -1)
        following[ends] = order[starts]
        shuffle[order] = np.where(following == order, -1, following)
    return table


def other_class_partners(
    groups: np.ndarray, member: np.ndarray, shuffles: int = 20, seed: int = 0
) -> np.ndarray:
    """Who of another group stands in for whom: drawn anew each time, all others equally likely.

    Args: as for `partners`.

    Returns:
        (shuffles, N) positions; -1 for images that do not take part or have no other group.
    """
    generator = np.random.default_rng([seed, OTHER_CLASSES])
    table = np.full((shuffles, len(groups)), -1, np.int64)
    order = np.flatnonzero(member)
    order = order[np.argsort(groups[order], kind="stable")]
    _, starts, which, sizes = np.unique(
        groups[order], return_index=True, return_inverse=True, return_counts=True
    )
    others = len(order) - sizes[which]
    if len(sizes) > 1:
        step = (generator.random((shuffles, len(order))) * others).astype(np.int64)
        table[:, order] = order[(starts[which] + sizes[which] + step) % len(order)]
    return table


def drawn_means(drawn_pairs: DrawnPairs, table: np.ndarray) -> np.ndarray:
    """The mean score of each image over the rows of a table of `other_class_partners`.

    Args:
        drawn_pairs: for row numbers i and j (n,) the (n,) scores of model's i, reference's j.

    Returns:
        (N,) float64; NaN where the image takes no part or no pair has a score.
    """
    rows = np.flatnonzero(table[0] >= 0)
    picked = np.array([drawn_pairs(rows, partner[rows]) for partner in table], np.float64)
    means = np.full(table.shape[1], np.nan)
    means[rows] = mean(picked)
    return means


def shuffled_means(
    all_pairs: AllPairs, groups: np.ndarray, tables: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """The mean score of each image over the shuffles of each table of `partners`.

    Args:
        all_pairs: for row numbers (n,) the (n, n) scores of model's row i, reference's row j.
        groups: (N,) class of each image.

    Returns:
        for each table (N,) float64; NaN where the image takes no part or no pair has a score.
    """
    means = [np.full(len(groups), np.nan) for _ in tables]
    taking_part = np.logical_or.reduce([(table >= 0).any(axis=0) for table in tables])
    for group in np.unique(groups[taking_part]):
        rows = np.flatnonzero((groups == group) & taking_part)
        scores = all_pairs(rows)
        for found, table in zip(means, tables, strict=True):
            found[rows] = _mean_of_pairs(scores, rows, table[:, rows])
    return means


def _mean_of_pairs(scores: np.ndarray, rows: np.ndarray, partner: np.ndarray) -> np.ndarray:
    """(n,): for each row the mean of scores[row, partner] over shuffles, those without NaN."""
    column = np.searchsorted(rows, np.maximum(partner, rows[0]))
    picked = scores[np.arange(len(rows))[None, :], column].astype(np.float64)
    return mean(picked, (partner >= 0) & ~np.isnan(picked))


@dataclass(frozen=True)
class Score:
    """A measure of any two maps as the product of two rows; float32 is enough for a null.

    Attributes:
        model, reference: (N, P) float32, NaN rows where the measure is undefined.
        finish: from products to the measure's values.
    """

    model: np.ndarray
    reference: np.ndarray
    finish: Callable[[np.ndarray], np.ndarray]

    def all_pairs(self, rows: np.ndarray) -> np.ndarray:
        """For row numbers (n,) the (n, n) scores of model's row i, reference's row j."""
        return self.finish(self.model[rows] @ self.reference[rows].T)

    def drawn(self, rows: np.ndarray, partner: np.ndarray) -> np.ndarray:
        """For row numbers i and j (n,) the (n,) scores of model's i, reference's j."""
        return self.finish(np.einsum("np,np->n", self.model[rows], self.reference[partner]))


def of_units(model_units: np.ndarray, reference_units: np.ndarray) -> Score:
    """Correlations of two (N, P) results of `maps.unit_rows`, cosines of `maps.unit_lengths`."""
    sides = model_units.astype(np.float32), reference_units.astype(np.float32)
    return Score(*sides, finish=lambda products: products)


def of_ious(model: maps.TopOrder, reference: maps.TopOrder, share: float) -> Score:
    """IoUs of the top sets of two batches of N maps."""
    size = maps.set_size(share, model.position.shape[1])
    sides = _members(model, share), _members(reference, share)
    return Score(*sides, finish=lambda common: maps.overlap_to_iou(common, size))


def of_mass_lifts(values: np.ndarray, reference: maps.TopOrder, share: float) -> Score:
    """Mass lifts of (N, P) maps in the top sets of N others."""
    shares = quotient(values, values.sum(axis=1, keepdims=True))
    size = maps.set_size(share, values.shape[1])
    pixels_over_size = values.shape[1] / size if size else np.nan
    sides = shares.astype(np.float32), _members(reference, share)
    return Score(*sides, finish=lambda mass: mass * pixels_over_size)


def _members(order: maps.TopOrder, share: float) -> np.ndarray:
    """(N, P) float32: 1 in the top set, rows of NaN where it is undefined."""
    members = order.members(share).astype(np.float32)
    members[~order.defined(share)] = np.nan
    return members
