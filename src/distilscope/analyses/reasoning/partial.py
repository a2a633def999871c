"""Rank correlations with other numbers held fixed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats


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
    if every.shape[1] < 3 + len(given):
        return np.nan
    ranks = np.array([stats.rankdata(each) for each in every])
    design = np.column_stack([np.ones(ranks.shape[1]), *ranks[2:]])
    left = ranks[:2] - (design @ np.linalg.lstsq(design, ranks[:2].T, rcond=None)[0]).T
    lengths = np.linalg.norm(left, axis=1)
    if (lengths < 1e-9 * ranks.shape[1]).any():
        return np.nan
    return float(left[0] @ left[1] / lengths.prod())
