"""How a model relates classes, and whether two models relate them alike.

The order of wrong logits is the same at every temperature; the class-relation matrix is not. Ours,
for the study that asks the question prints no metric that was found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from distilscope.analyses.dark_knowledge import distinctness

CHUNK = 2**22
"""Pairs of classes that are held at a time."""

TOO_FEW = "fewer than three wrong classes have no order to compare"


def relation_matrix(logits: np.ndarray, labels: np.ndarray, tau: float) -> np.ndarray:
    """R (C, C): row y is the mean over the images of class y of q~, with 0 at y.

    A class without an image has a row of NaN.
    """
    _, wrong = distinctness.split(logits, labels)
    inherent = special.softmax(wrong / distinctness.positive(tau), axis=1)
    classes = wrong.shape[1] + 1
    found = np.full((classes, classes), np.nan)
    for label in range(classes):
        own = labels == label
        if own.any():
            found[label] = np.insert(inherent[own].mean(axis=0), label, 0.0)
    return found


def absent(matrix: np.ndarray) -> list[int]:
    """The classes whose row is undefined."""
    return np.flatnonzero(np.isnan(matrix).all(axis=1)).tolist()


def kendall(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Kendall's tau-b of the rows of two (N, K) arrays: (N,), NaN where a row is level."""
    left, right = np.triu_indices(first.shape[1], 1)
    found = np.full(len(first), np.nan)
    step = max(1, CHUNK // max(len(left), 1))
    for start in range(0, len(first), step):
        rows = slice(start, start + step)
        signs = [np.sign(each[rows][:, left] - each[rows][:, right]) for each in (first, second)]
        agreeing = (signs[0] * signs[1]).sum(axis=1)
        untied = np.prod([np.abs(sign).sum(axis=1) for sign in signs], axis=0)
        ranked = untied > 0
        found[rows][ranked] = agreeing[ranked] / np.sqrt(untied[ranked])
    return found


def spearman(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's rho of the rows of two (N, K) arrays: (N,), NaN where a row is level."""
    ranks = [stats.rankdata(each, axis=1) for each in (first, second)]
    centred = [each - each.mean(axis=1, keepdims=True) for each in ranks]
    scale = np.sqrt(np.prod([(each**2).sum(axis=1) for each in centred], axis=0))
    found = np.full(len(first), np.nan)
    np.divide((centred[0] * centred[1]).sum(axis=1), scale, out=found, where=scale > 0)
    return found


def top_overlap(first: np.ndarray, second: np.ndarray, k: int) -> np.ndarray:
    """Share of the k largest of each row of (N, K) that both have: (N,). By chance it is k / K.

    Ties go to the lower class. NaN where all K would be among the k largest.
    """
    n, classes = first.shape
    if k >= classes:
        return np.full(n, np.nan)
    rows, masks = np.arange(n)[:, None], []
    for each in (first, second):
        mask = np.zeros((n, classes), bool)
        mask[rows, np.argsort(-each, axis=1, kind="stable")[:, :k]] = True
        masks.append(mask)
    return (masks[0] & masks[1]).sum(axis=1) / k


@dataclass(frozen=True)
class Likeness:
    """Spearman's rho of two matrices' off-diagonals, beside permutations of the classes.

    Attributes:
        rho: NaN with a reason where undefined. null: mean over the permutations.
        high: of the permutations, the 95th percentile.
        p: share of them (and of the data itself) with a rho as large.
        n: entries that count.
    """

    rho: float
    null: float
    high: float
    p: float
    n: int
    reason: str | None = None


def likeness(
    first: np.ndarray, second: np.ndarray, permutations: int = 1000, seed: int = 0
) -> Likeness:
    """Whether two (C, C) matrices relate the classes alike: rows and columns of the second are
    permuted together (Mantel 1967). NaN entries, as of classes without an image, don't count.
    """
    rho, n, reason = alike(first, second)
    if reason:
        return Likeness(*[np.nan] * 4, n, reason)
    defined = _defined(first, second)
    random, drawn = np.random.default_rng(seed), []
    known = np.flatnonzero(~np.isnan(second).all(axis=1))
    for _ in range(permutations):
        order = np.arange(len(second))
        order[known] = random.permutation(known)
        moved = second[np.ix_(order, order)]
        both = defined & ~np.isnan(moved)
        drawn.append(_rho(first[both], moved[both]))
    null = np.array(drawn)
    p = (1 + (null >= rho - 1e-12).sum()) / (permutations + 1)
    return Likeness(rho, float(np.mean(null)), float(np.quantile(null, 0.95)), float(p), n)


def alike(first: np.ndarray, second: np.ndarray) -> tuple[float, int, str | None]:
    """Spearman's rho of two (C, C) matrices' off-diagonals, of how many entries it is, and why it
    is NaN where it is.
    """
    defined = _defined(first, second)
    n = int(defined.sum())
    if len(first) < 3 or n < 3:
        return np.nan, n, "fewer than three classes are defined"
    rho = _rho(first[defined], second[defined])
    return rho, n, "one of the matrices is level" if np.isnan(rho) else None


def _defined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    off = ~np.eye(len(first), dtype=bool)
    return off & ~np.isnan(first) & ~np.isnan(second)


def _rho(first: np.ndarray, second: np.ndarray) -> float:
    return float(spearman(first[None], second[None])[0])
