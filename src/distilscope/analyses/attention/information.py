"""Mutual information of two models' predictions, over the whole table of confusions.

All in nats. Estimated from N images it is above its true value by about (cells - rows - columns +
1) / 2 N (Miller 1955), which batches of a hundred images show plainly: see `published`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

UNDEFINED = "both models predict one class only"


@dataclass(frozen=True)
class Information:
    """Of the predictions of two models on the same images.

    Attributes:
        plug_in: from the shares of the table's cells.
        miller_madow: less the bias by the number of cells that are not empty.
        shuffled: mean of the plug-in estimates of shuffled pairs: the null.
        corrected: the plug-in estimate less that.
        normalised: the plug-in estimate over the mean of both entropies; NaN where both are 0.
    """

    plug_in: float
    miller_madow: float
    shuffled: float
    corrected: float
    normalised: float


def information(first: np.ndarray, second: np.ndarray, moved: list[np.ndarray]) -> Information:
    """Of predictions int64 (N,) each; `moved` are the permutations of the null."""
    table = confusions(first, second)
    plain = plug_in(table)
    null = [plug_in(confusions(first, second[other])) for other in moved]
    shuffled = float(np.mean(null)) if null else float("nan")
    entropies = entropy(table.sum(axis=1)) + entropy(table.sum(axis=0))
    return Information(
        plug_in=plain,
        miller_madow=plain - bias(table),
        shuffled=shuffled,
        corrected=plain - shuffled,
        normalised=2 * plain / entropies if entropies > 0 else float("nan"),
    )


def confusions(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(A, B) how often the a-th class of the first goes with the b-th of the second."""
    rows, one = np.unique(first, return_inverse=True)
    columns, other = np.unique(second, return_inverse=True)
    table = np.zeros((len(rows), len(columns)), dtype=np.int64)
    np.add.at(table, (one, other), 1)
    return table


def plug_in(table: np.ndarray) -> float:
    """Mutual information of a table of counts, in nats."""
    own, other = entropy(table.sum(axis=1)), entropy(table.sum(axis=0))
    return max(0.0, own + other - entropy(table.ravel()))


def bias(table: np.ndarray) -> float:
    """(cells - rows - columns + 1) / 2 N, of those that are not empty: Miller's, to first order."""
    cells = np.count_nonzero(table)
    rows, columns = (np.count_nonzero(table.sum(axis=axis)) for axis in (1, 0))
    return (cells - rows - columns + 1) / (2 * table.sum())


def entropy(counted: np.ndarray) -> float:
    """Shannon entropy of counts, in nats."""
    shares = counted[counted > 0] / counted.sum()
    return float(-(shares * np.log(shares)).sum())
