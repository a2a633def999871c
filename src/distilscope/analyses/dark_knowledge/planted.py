"""Whether a model's wrong classes recover how classes are related by construction."""

from __future__ import annotations

import numpy as np

from distilscope.analyses.dark_knowledge import distinctness, relations


def of_images(logits: np.ndarray, labels: np.ndarray, planted: np.ndarray) -> np.ndarray:
    """Kendall's tau-b of each image's wrong logits and its class's planted relations: (N,).

    Args:
        logits: (N, C). labels: int (N,). planted: (C, C), larger is nearer.
    """
    _, wrong = distinctness.split(logits, labels)
    _, related = distinctness.split(planted[labels], labels)
    return relations.kendall(wrong, related)


def shuffled(planted: np.ndarray, seed: int) -> np.ndarray:
    """The same relations among classes in another order: as many near and far, of other classes."""
    order = np.random.default_rng(seed).permutation(len(planted))
    return planted[np.ix_(order, order)]
