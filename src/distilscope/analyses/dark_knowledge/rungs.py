"""Rank correlations over the rungs of a ladder of teachers, with a permutation p."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from distilscope.statistics import ranks

MAX_PERMUTATIONS = 10_000
MAX_RUNGS = 200
POWER, ERROR_RATE = 0.8, 0.05


@dataclass(frozen=True)
class Correlation:
    """Spearman's rho over rungs, of a third quantity's ranks cleared where one is given.

    Attributes:
        rho: NaN with a reason. p: two-sided, over permutations of the rungs; the smallest that so
            many rungs can give is `smallest_p`.
        rungs: how many there are. rungs_to_decide: how many would decide with 80 % power, were this
            rho the truth; None above 200.
    """

    rho: float
    p: float
    smallest_p: float
    rungs: int
    rungs_to_decide: int | None
    reason: str | None = None


def correlation(
    first: np.ndarray, second: np.ndarray, given: np.ndarray | None = None, seed: int = 0
) -> Correlation:
    """Spearman's rho of (n,) numbers of the rungs; partial where `given` (n,) is.

    The partial one is Pearson's r of what is left of both ranks after a linear fit on the ranks of
    `given`; its p permutes what is left of `second` (Freedman and Lane 1983).
    """
    held = 0 if given is None else 1
    prepared = _prepared(first, second, given)
    if isinstance(prepared, str):
        return Correlation(
            *[math.nan] * 3, int(_defined(first, second, given).sum()), None, prepared
        )
    left, right, scale = prepared
    n = len(left)
    drawn = np.array([float(left @ right[order]) for order in _orders(n, seed)]) / scale
    rho = float(left @ right) / scale
    p = float((np.abs(drawn) >= abs(rho) - 1e-12).mean())
    smallest = float((np.abs(drawn) >= np.abs(drawn).max() - 1e-12).mean())
    return Correlation(rho, p, smallest, n, _to_decide(rho, held))


def _defined(first: np.ndarray, second: np.ndarray, given: np.ndarray | None) -> np.ndarray:
    every = [first, second] if given is None else [first, second, given]
    return ~np.isnan(np.array(every, dtype=np.float64)).any(axis=0)


def _prepared(
    first: np.ndarray, second: np.ndarray, given: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, float] | str:
    """Both ranks, centred and cleared, and the product of their lengths; or why there is none."""
    defined = _defined(first, second, given)
    n = int(defined.sum())
    if n < ranks.FEWEST + (given is not None):
        return "one rung: a ladder needs several" if n == 1 else f"{n} rungs are too few"
    held = [] if given is None else [given[defined]]
    left, right = ranks.cleared([first[defined], second[defined]], held)
    scale = ranks.scale(left, right)
    if scale is None and given is not None:
        return "nothing of one of the two is left once the third number's ranks are cleared"
    if scale is None:
        return "one of the two does not vary over the rungs"
    return left, right, scale


def _orders(n: int, seed: int):
    """Every order of n rungs, or seeded draws and the given one where there are too many."""
    if math.factorial(n) <= MAX_PERMUTATIONS:
        return [list(order) for order in itertools.permutations(range(n))]
    random = np.random.default_rng(seed)
    return [np.arange(n), *(random.permutation(n) for _ in range(MAX_PERMUTATIONS - 1))]


def _to_decide(rho: float, held: int) -> int | None:
    """Rungs with which Fisher's z of this rho misses 0 in 80 % of ladders (Bonett, Wright 2000)."""
    z = math.atanh(min(abs(rho), 0.999999))
    wanted = stats.norm.isf(ERROR_RATE / 2) - stats.norm.ppf(1 - POWER)
    for rungs in range(5 + held, MAX_RUNGS + 1):
        if z / math.sqrt((1 + rho**2 / 2) / (rungs - 3 - held)) >= wanted:
            return rungs
    return None
