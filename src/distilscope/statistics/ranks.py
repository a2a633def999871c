"""Rank correlations, with other numbers held fixed where some are given."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

FEWEST = 3
"""Points that a correlation has at least, beside one for each number that is held fixed."""


def cleared(numbers: Sequence[np.ndarray], given: Sequence[np.ndarray] = ()) -> list[np.ndarray]:
    """Of each of (n,) numbers the ranks, less their linear fit on the ranks of those given.

    Centred; nothing may be NaN.
    """
    ranks = [stats.rankdata(each) for each in numbers]
    if given:
        design = np.column_stack([np.ones(len(ranks[0])), *map(stats.rankdata, given)])
        ranks = [r - design @ np.linalg.lstsq(design, r, rcond=None)[0] for r in ranks]
    return [each - each.mean() for each in ranks]


def scale(left: np.ndarray, right: np.ndarray) -> float | None:
    """The product of the lengths of what `cleared` leaves; None where nothing is left of one."""
    lengths = [float(each @ each) for each in (left, right)]
    # What a fit leaves of numbers that it explains wholly is rounding of ranks, which go up to n.
    if min(lengths) < (1e-9 * len(left)) ** 2:
        return None
    return math.sqrt(lengths[0] * lengths[1])


def spearman(first: np.ndarray, second: np.ndarray, given: Sequence[np.ndarray] = ()) -> float:
    """Spearman's rho of (n,) numbers, partial where others are given.

    Pearson's r of what is left of both ranks after a linear fit on the ranks of those given. NaN
    where fewer than three points more than numbers given are defined, or nothing is left of one.

    >>> size, score = np.array([1, 2, 3, 4, 5]), np.array([2, 1, 4, 3, 5])
    >>> round(spearman(size, 9 - score), 2), round(spearman(size, 9 - score, [score]), 2)
    (-0.8, nan)
    """
    every = np.array([first, second, *given], np.float64)
    every = every[:, ~np.isnan(every).any(axis=0)]
    if every.shape[1] < FEWEST + len(given):
        return math.nan
    left, right = cleared(every[:2], list(every[2:]))
    by = scale(left, right)
    return math.nan if by is None else float(left @ right) / by
