"""Differences over seeds: the trained model is the unit, and seeds are paired across objectives."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

EXACT_FLIPS = 2**16


@dataclass(frozen=True)
class PairedDifference:
    """The mean difference of paired values, with what can be said of it.

    Attributes:
        n: complete pairs.
        difference: mean of first - second.
        low, high: paired t interval.
        p_t: two-sided p of the paired t test.
        p_sign_flip: two-sided p of the sign-flip test: exact up to 16 pairs.
        smallest_p: the smallest p that the sign-flip test could have given: 2^(1 - n).
        effect: mean over standard deviation of the differences (Cohen's d_z).
        reason: why an interval is NaN, else None.
    """

    n: int
    difference: float
    low: float
    high: float
    p_t: float
    p_sign_flip: float
    smallest_p: float
    effect: float
    reason: str | None


def paired_difference(
    first: np.ndarray, second: np.ndarray, level: float = 0.95, seed: int = 0
) -> PairedDifference:
    """Compare two (n,) values that are paired by position (by seed). NaN pairs are left out.

    A percentile bootstrap over seeds is not offered: at 3 seeds its 95 % covers 75 %.

    Raises:
        ValueError: the lengths differ.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"paired values need one length; found {first.shape} and {second.shape}")
    differences = first - second
    differences = differences[~np.isnan(differences)]
    n = len(differences)
    mean = float(np.mean(differences)) if n else np.nan
    reason = _why_no_interval(differences)
    if reason:
        return PairedDifference(n, mean, *[np.nan] * 4, _smallest_p(n), np.nan, reason)
    test = stats.ttest_1samp(differences, 0.0)
    low, high = test.confidence_interval(level)
    return PairedDifference(
        n=n,
        difference=mean,
        low=float(low),
        high=float(high),
        p_t=float(test.pvalue),
        p_sign_flip=sign_flip(differences, seed),
        smallest_p=_smallest_p(n),
        effect=mean / float(np.std(differences, ddof=1)),
        reason=None,
    )


def half_width(values: np.ndarray, level: float = 0.95) -> float:
    """Half of the t interval of the mean of (n,) independent values; NaN for fewer than two."""
    n = len(values)
    if n < 2:
        return math.nan
    error = float(np.std(values, ddof=1)) / math.sqrt(n)
    return float(stats.t.ppf((1 + level) / 2, n - 1)) * error


def _why_no_interval(differences: np.ndarray) -> str | None:
    if len(differences) == 0:
        return "no pair of seeds has both values"
    if len(differences) == 1:
        return "a single seed has no interval over seeds; train at least 2, better 6"
    if np.ptp(differences) <= 1e-12 * np.abs(differences).max():
        return "the differences do not vary over seeds, so their spread says nothing"
    return None


def _smallest_p(n: int) -> float:
    return min(1.0, 2.0 ** (1 - n)) if n else np.nan


def sign_flip(differences: np.ndarray, seed: int = 0) -> float:
    """Two-sided p of the mean of (n,) differences when each sign is as likely as its opposite.

    All 2^n sign patterns up to 16 pairs, 65,536 seeded ones beyond.
    """
    result = stats.permutation_test(
        (np.asarray(differences, np.float64),),
        lambda values, axis: np.mean(values, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=EXACT_FLIPS,
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def permuted_labels(first: np.ndarray, second: np.ndarray, seed: int = 0) -> float:
    """Two-sided p of the difference of means of (n,) and (k,) values, k >= 1, were labels random.

    Twice the smaller tail over all choices of k out of n + k, or over 65,536 seeded ones where
    there are more.
    """
    everything = np.concatenate([first, second])
    k, size = len(second), len(everything)
    if math.comb(size, k) <= EXACT_FLIPS:
        chosen = np.array(list(itertools.combinations(range(size), k)))
    else:
        draws = np.random.default_rng(seed).random((EXACT_FLIPS, size))
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
