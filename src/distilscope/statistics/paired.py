"""Differences over seeds: the trained model is the unit, and seeds are paired across objectives."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np
from scipy import stats

EXACT_FLIPS = 2**16
SEED = 0
"""Of permutations, where there are more than `EXACT_FLIPS`."""


def half_width(values: np.ndarray, level: float = 0.95) -> float:
    """Half of the t interval of the mean of (n,) independent values; NaN for fewer than two."""
    n = len(values)
    if n < 2:
        return math.nan
    error = float(np.std(values, ddof=1)) / math.sqrt(n)
    return float(stats.t.ppf((1 + level) / 2, n - 1)) * error


def sign_flip(differences: np.ndarray) -> float:
    """Two-sided p of the mean of (n,) differences when each sign is as likely as its opposite.

    All 2^n sign patterns up to 16 pairs, 65,536 seeded ones where there are more.
    """
    result = stats.permutation_test(
        (np.asarray(differences, np.float64),),
        lambda values, axis: np.mean(values, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=EXACT_FLIPS,
        rng=np.random.default_rng(SEED),
    )
    return float(result.pvalue)


def permuted_labels(first: np.ndarray, second: np.ndarray) -> float:
    """Two-sided p of the difference of means of (n,) and (k,) values, k >= 1, were labels random.

    Twice the smaller tail over all choices of k out of n + k, or over 65,536 seeded ones where
    there are more.
    """
    everything = np.concatenate([first, second])
    k, size = len(second), len(everything)
    if math.comb(size, k) <= EXACT_FLIPS:
        chosen = np.array(list(itertools.combinations(range(size), k)))
    else:
        draws = np.random.default_rng(SEED).random((EXACT_FLIPS, size))
        chosen = np.vstack([np.arange(size - k, size), np.argpartition(draws, k)[:, :k]])
    sums = everything[chosen].sum(axis=1)  # the difference of means falls with this sum
    observed, slack = second.sum(), 1e-12 * np.abs(everything).sum()
    tails = np.mean(sums <= observed + slack), np.mean(sums >= observed - slack)
    return float(min(1.0, 2 * min(tails)))


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """p-values adjusted for the false discovery rate of their family; NaN stays NaN, uncounted."""
    p_values = np.asarray(p_values, np.float64)
    adjusted = np.full(p_values.shape, np.nan)
    known = ~np.isnan(p_values)
    if known.any():
        adjusted[known] = stats.false_discovery_control(p_values[known], method="bh")
    return adjusted


def pseudo_values(pairs: Mapping[frozenset[str], float]) -> np.ndarray:
    """(n,) what each member of a family adds to the mean over its pairs: the jackknife's values.

    A family of n >= 3 members has up to n (n - 1) / 2 pairs, which share members and are no
    independent values. n θ - (n - 1) θ₋ᵢ, with θ the mean over all pairs and θ₋ᵢ over those without
    member i, are nearly so (Arvesen 1969): their mean is the mean over all pairs where all were
    measured, and their variance over n is that of the mean.

    Raises:
        ValueError: there are fewer than 3 members, or one is part of every pair.
    """
    members = sorted(set().union(*pairs))
    if len(members) < 3:
        raise ValueError(f"pseudo-values need 3 members at least, got {', '.join(members)}")
    everything = float(np.mean(list(pairs.values())))
    found = []
    for member in members:
        rest = [value for pair, value in pairs.items() if member not in pair]
        if not rest:
            raise ValueError(f"{member} is part of every pair: without it there is none")
        found.append(len(members) * everything - (len(members) - 1) * float(np.mean(rest)))
    return np.array(found)
