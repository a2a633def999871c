"""How often two models answer alike, and how often they would if one knew nothing of the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from distilscope.data.tasks import parsing
from distilscope.statistics import bootstrap
from distilscope.statistics.arithmetic import quotient
from distilscope.statistics.bootstrap import Resamples


def same_answers(own: Sequence[str | None], other: Sequence[str | None]) -> np.ndarray:
    """(N,) 1.0 where both give the same answer; what could not be read is no answer.

    >>> same_answers(["5", None, "4"], ["5.0", None, "5"])
    array([1., 0., 0.])
    """
    return np.array([float(parsing.same(a, b)) for a, b in zip(own, other, strict=True)])


def expected(own: np.ndarray, other: np.ndarray, choices: np.ndarray) -> np.ndarray:
    """Agreement of two models of these accuracies that err independently, by task.

    a b + (1 - a)(1 - b) / (k - 1) of k choices, over which errors spread evenly. Of open answers,
    which have no choices (k = 0), errors never meet: a b.

    Args:
        own, other: (tasks, ...) accuracies. choices: (tasks,), how many there are.
    """
    meet = np.where(choices > 1, 1 / np.maximum(choices - 1, 1), 0.0)
    both_wrong = (1 - own) * (1 - other)
    return own * other + both_wrong * meet.reshape(-1, *[1] * (both_wrong.ndim - 1))


@dataclass(frozen=True)
class Expected:
    """Agreement expected from the accuracies and its excess: values and intervals.

    Attributes:
        tasks: (tasks, 2) of each task, and `overall` (2,) their means, weighted by items.
        low, high: intervals of `overall` over items.
    """

    tasks: np.ndarray
    overall: np.ndarray
    low: np.ndarray
    high: np.ndarray


def beside_expected(
    agreed: np.ndarray,
    own: np.ndarray,
    other: np.ndarray,
    groups: Sequence[np.ndarray],
    choices: Sequence[int],
    resamples: Resamples,
    level: float,
) -> Expected:
    """What is expected within each task and the excess of the agreement over it.

    Within tasks, because two models that are good at the same tasks agree more than their overall
    accuracies say, and need not know of each other for it.

    Args:
        agreed, own, other: (N,) 0 or 1: both answer alike, either is right.
        groups: positions of each task's items. choices: how many each task has.
    """
    columns = np.column_stack([agreed, own, other]).astype(np.float64)
    shares = np.array([columns[rows].mean(axis=0) for rows in groups]).T[..., None]
    tasks = _both(shares, choices)[..., 0].T
    sizes = np.array([len(rows) for rows in groups], float)
    parts = [resamples.part(rows) for rows in groups]
    counts = np.array([part.totals for part in parts], float)
    sums = np.array(
        [part.sums(columns[rows]) for part, rows in zip(parts, groups, strict=True)], float
    )
    drawn = np.nan_to_num(quotient(sums, counts[:, None])).transpose(1, 0, 2)
    # Of items with choices alone a resample of all items may hold none.
    replicates = quotient((_both(drawn, choices) * counts).sum(axis=1), counts.sum(axis=0))
    low, high = bootstrap.interval(replicates, level)
    return Expected(tasks, sizes @ tasks / sizes.sum(), low, high)


def _both(shares: np.ndarray, choices: Sequence[int]) -> np.ndarray:
    """(2, tasks, ...) expected agreement and excess, of (3, tasks, ...) shares."""
    chance = expected(shares[1], shares[2], np.asarray(choices))
    return np.array([chance, shares[0] - chance])
