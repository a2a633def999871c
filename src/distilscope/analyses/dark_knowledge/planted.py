"""Whether a model's wrong classes recover how classes are related by construction."""

from __future__ import annotations

import numpy as np

from distilscope.analyses.dark_knowledge import distinctness, relations


def of_images(logits: np.ndarray, labels: np.ndarray, planted: np.ndarray) -> np.ndarray:
    """Kendall's tau-b of each image's wrong logits and its class's planted relations: (N,), NaN
    where the logits are level.

    Args:
        logits: (N, C). labels: int (N,). planted: (C, C), larger is nearer.
    """
    _, wrong = distinctness.split(logits, labels)
    _, related = distinctness.split(planted[labels], labels)
    return relations.kendall(wrong, related)


def shuffled(planted: np.ndarray, count: int, seed: int) -> list[np.ndarray]:
    """The same relations among classes in other orders: as many near and far, of other classes.

    More of them are the same first, and others.
    """
    random = np.random.default_rng(seed)
    orders = [random.permutation(len(planted)) for _ in range(count)]
    return [planted[np.ix_(order, order)] for order in orders]
