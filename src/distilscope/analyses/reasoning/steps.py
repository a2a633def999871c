"""How far two worked solutions take the same steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from distilscope.data.tasks import items


def shared(taken: str, of: str) -> float:
    """The share of the steps of one trace that another trace takes too, wherever it takes them.

    A step that stands twice has to be taken twice. NaN where the first trace has no steps.

    >>> shared("1 + 1 = 2 , 2 + 3 = 5", of="2 + 3 = 5 , 5 + 1 = 6")
    0.5
    """
    wanted = Counter(items.steps(of))
    if not wanted:
        return np.nan
    return (wanted & Counter(items.steps(taken))).total() / wanted.total()


def fidelity(taken: Sequence[str], of: Sequence[str]) -> np.ndarray:
    """`shared` by item, (N,)."""
    return np.array([shared(own, other) for own, other in zip(taken, of, strict=True)])


def fidelity_by_chance(
    taken: Sequence[str], of: Sequence[str], groups: Sequence[np.ndarray], shuffles: int, seed: int
) -> np.ndarray:
    """(N,) `shared` with the trace of another item of the same group, averaged over shuffles.

    In a shuffle the items of a group (the positions of a task's items) are moved along a random
    order by one place, so that no item meets itself. NaN in groups of one.
    """
    random = np.random.default_rng(seed)
    found = np.full(len(taken), np.nan)
    for rows in groups:
        if len(rows) < 2 or not any(items.steps(of[row]) for row in rows):
            continue
        total = np.zeros(len(rows))
        for _ in range(shuffles):
            order = random.permutation(len(rows))
            other = np.empty_like(order)
            other[order] = np.roll(order, 1)
            total += [shared(taken[rows[other[place]]], of[row]) for place, row in enumerate(rows)]
        found[rows] = total / shuffles
    return found


def bleu(taken: Sequence[str], of: Sequence[str]) -> float:
    """Corpus BLEU in [0, 100] of traces against those of a reference (Papineni et al. 2002).

    By sacrebleu; tokens are what stands between spaces. Items whose reference has no trace are left
    out; NaN where none is left.
    """
    kept = [(own, other) for own, other in zip(taken, of, strict=True) if other]
    if not kept:
        return np.nan
    from sacrebleu import corpus_bleu  # here: of the extra `language` alone

    own, other = zip(*kept, strict=True)
    return float(corpus_bleu(list(own), [list(other)], tokenize="none", force=True).score)
