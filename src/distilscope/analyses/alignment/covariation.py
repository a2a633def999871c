"""Whether students that say what their teacher says also look where it looks, over conditions.

A condition has one number of each kind: the mean over its seeds, of the whole test set. Conditions
are few, so that the p-value is over permutations of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from distilscope.measuring.study import Study

MAX_PERMUTATIONS = 2**16
MIN_CONDITIONS = 4
TOO_FEW = f"fewer than {MIN_CONDITIONS} conditions have both numbers"
LEVEL = "one of the two does not vary over the conditions"
ALONE = "no block has two conditions, so nothing can be permuted"
OUTPUTS = "logit_rho"
EXPLANATIONS = ("image_specific_rho", "rho", "part_rho")
ROLES = ("student", "control")
WITHIN = ("student", None)  # permuted within a student, or over all conditions
COLUMNS = (
    *("study", "outputs", "explanations", "method", "variant", "within", "n", "rho", "p"),
    *("smallest_p", "permutations", "exact", "reason"),
)


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


# ---------------------------------------------------------------------------------- the table


def covariation_table(study: Study, measures: pd.DataFrame) -> pd.DataFrame:
    """A row for each explanation measure, method, variant, and way of permuting.

    A condition (distilled students, and label-only controls) counts with the mean over its seeds of
    its likeness to the teacher that it is compared with. Outputs are compared on all images, maps
    on the common ones, of the headline place: the last block at input resolution, or the input, for
    the reference's prediction.
    """
    records = [
        {"study": study.name, **record}
        for explanations in EXPLANATIONS
        for record in _records(study, measures, explanations)
    ]
    table = pd.DataFrame.from_records(records, columns=list(COLUMNS))
    kinds = {**dict.fromkeys(("rho", "p", "smallest_p"), "float64"), "exact": bool}
    return table.astype({**kinds, **dict.fromkeys(("n", "permutations"), "int64")})


def _records(study: Study, measures: pd.DataFrame, explanations: str) -> Iterator[dict[str, Any]]:
    roles = {entry.id: entry.role for entry in study.entries}
    own = measures["model"].map(roles).isin(ROLES) & (measures["relation"] == "teacher")
    kept = own & measures["class"].isna()
    outputs = _by_condition(measures[kept & (measures["measure"] == OUTPUTS)], "all")
    rows = measures[kept & (measures["measure"] == explanations)]
    rows = rows[(rows["resolution"] == "input") & (rows["explained"] == "reference")]
    last = {entry.id: entry.last_block for entry in study.entries}
    at_last = rows["layer"] == rows["model"].map(last)
    rows = rows[(rows["layer"] == "input") | at_last]
    for (method, variant), chosen in rows.groupby(["method", "variant"], dropna=False, sort=False):
        maps = _by_condition(chosen, "common")
        both = pd.concat([outputs, maps], axis=1, keys=["x", "y"], join="inner")
        networks = np.array([study.conditions[name].network for name, _ in both.index])
        for within in WITHIN:
            blocks = networks if within else None
            found = covariation(both["x"].to_numpy(), both["y"].to_numpy(), blocks, study.seed)
            yield {
                **{"outputs": OUTPUTS, "explanations": explanations, "method": method},
                **{"variant": None if pd.isna(variant) else variant, "within": within},
                **asdict(found),
            }


def _by_condition(rows: pd.DataFrame, subset: str) -> pd.Series:
    """Mean over its seeds of each condition, beside each reference."""
    chosen = rows[rows["subset"] == subset]
    return chosen["value"].groupby([chosen["condition"], chosen["reference"]]).mean()
