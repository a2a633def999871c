"""Whether students that say what their teacher says also look where it looks, over conditions.

A condition has one number of each kind: the mean over its seeds, of the whole test set. Conditions
are few, so that the p-value is over permutations of them.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

MAX_PERMUTATIONS = 2**16
MIN_CONDITIONS = 4
TOO_FEW = f"fewer than {MIN_CONDITIONS} conditions have both numbers"
LEVEL = "one of the two does not vary over the conditions"
ALONE = "no block has two conditions, so nothing can be permuted"


@dataclass(frozen=True)
class Covariation:
    """A rank correlation over conditions.

    Attributes:
        n: conditions with both numbers.
        rho: Spearman's, NaN where undefined.
        p: two-sided, twice the smaller tail over the permutations, at most 1.
        smallest_p: the smallest p that so many conditions could have given.
        permutations: how many; all there are where `exact`, else seeded draws and the data itself.
        reason: why rho or p is NaN, else None.
    """

    n: int
    rho: float
    p: float
    smallest_p: float
    permutations: int
    exact: bool
    reason: str | None


def covariation(
    outputs: np.ndarray,
    explanations: np.ndarray,
    blocks: np.ndarray | None = None,
    seed: int = 0,
) -> Covariation:
    """Spearman's rho of two similarities to the teacher over conditions, with a permutation p.

    Args:
        outputs: (n,) such as the mean `logit_rho` of each condition. explanations: (n,) such as its
            mean `part_rho`. Conditions where either is NaN are left out.
        blocks: (n,) conditions are permuted within a block only, such as the network: then the p
            leaves out what goes together because the network does. None is one block.
        seed: of the draws, where there are over 65,536 permutations.

    Raises:
        ValueError: the lengths differ.
    """
    outputs, explanations = (np.asarray(each, np.float64) for each in (outputs, explanations))
    blocks = np.zeros(len(outputs)) if blocks is None else np.asarray(blocks)
    if not outputs.shape == explanations.shape == blocks.shape or outputs.ndim != 1:
        raise ValueError(
            f"conditions: {outputs.shape} outputs, {explanations.shape} explanations and "
            f"{blocks.shape} blocks, expected one length"
        )
    known = ~(np.isnan(outputs) | np.isnan(explanations))
    first, second = _unit_ranks(outputs[known]), _unit_ranks(explanations[known])
    n = int(known.sum())
    if n < MIN_CONDITIONS:
        return Covariation(n, math.nan, math.nan, math.nan, 0, False, TOO_FEW)
    if first is None or second is None:
        return Covariation(n, math.nan, math.nan, math.nan, 0, False, LEVEL)
    rho = float(np.clip(first @ second, -1, 1))
    members = [np.flatnonzero(blocks[known] == block) for block in np.unique(blocks[known])]
    count = math.prod(math.factorial(len(each)) for each in members)
    if count == 1:
        return Covariation(n, rho, math.nan, math.nan, 1, True, ALONE)
    exact = count <= MAX_PERMUTATIONS
    orders = _all_orders(members, n) if exact else _drawn_orders(members, n, seed)
    null = second[orders] @ first
    p, smallest = (_two_sided(null, value) for value in (rho, null.max()))
    smallest = min(smallest, _two_sided(null, null.min()))
    return Covariation(n, rho, p, smallest, len(orders), exact, None)


def _unit_ranks(values: np.ndarray) -> np.ndarray | None:
    """Centred average ranks of length 1; None where all values are equal."""
    ranks = stats.rankdata(values) - (len(values) + 1) / 2
    length = float(np.linalg.norm(ranks))
    return ranks / length if length > 0 else None


def _two_sided(null: np.ndarray, value: float) -> float:
    slack = 1e-12
    tails = np.mean(null <= value + slack), np.mean(null >= value - slack)
    return float(min(1.0, 2 * min(tails)))


def _all_orders(members: list[np.ndarray], n: int) -> np.ndarray:
    """Every order of n conditions that keeps each in its block: int (count, n)."""
    choices = [np.array(list(itertools.permutations(each.tolist()))) for each in members]
    count = math.prod(map(len, choices))
    orders = np.empty((count, n), np.int64)
    period = count
    for each, own in zip(members, choices, strict=True):
        repeats, period = count // period, period // len(own)
        orders[:, each] = np.tile(np.repeat(own, period, axis=0), (repeats, 1))
    return orders


def _drawn_orders(members: list[np.ndarray], n: int, seed: int) -> np.ndarray:
    """The order as it is and seeded ones, each condition in its block: int (65536, n)."""
    generator = np.random.default_rng(seed)
    orders = np.tile(np.arange(n), (MAX_PERMUTATIONS, 1))
    for each in members:
        draws = generator.random((MAX_PERMUTATIONS - 1, len(each)))
        orders[1:, each] = each[np.argsort(draws, axis=1)]
    return orders
