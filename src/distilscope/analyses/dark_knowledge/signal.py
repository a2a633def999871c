"""What a student learns from: the target of its objective, and what that asks of it.

The target is what the objective itself says. It takes labels, so that it is of training examples
alone.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from distilscope import catalog
from distilscope.analyses.dark_knowledge import distinctness


@dataclass(frozen=True)
class Signal:
    """The cross-entropy of target and student in three parts, (N,) nats each.

    Attributes:
        guidance: -p_y log s_y: correct guidance.
        regularisation: -e(q) sum over wrong c of log s_c: smooth regularisation.
        discriminability: -sum over wrong c of (q_c - e(q)) log s_c: class discriminability.
    """

    guidance: np.ndarray
    regularisation: np.ndarray
    discriminability: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """The cross-entropy."""
        return self.guidance + self.regularisation + self.discriminability


def decompose(target: np.ndarray, student: np.ndarray, labels: np.ndarray) -> Signal:
    """The parts of -sum over c of p_c log s_c.

    Source of the names: Li et al. 2022, arXiv 2210.04427.

    Args:
        target: p, (N, C) probabilities. student: (N, C) log s, logarithms of probabilities.
        labels: int (N,).
    """
    own, wrong = distinctness.split(target, labels)
    log_own, log_wrong = distinctness.split(student, labels)
    mean = wrong.mean(axis=1, keepdims=True)
    return Signal(
        -own * log_own,
        -mean[:, 0] * log_wrong.sum(axis=1),
        -((wrong - mean) * log_wrong).sum(axis=1),
    )


def target(
    objective: str, parameters: Mapping[str, float], logits: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, float] | None:
    """The probabilities (N, C) that an objective aims at, and the student's temperature.

    What an objective prepares of a table is made of these logits.

    Args:
        objective: name in `catalog.OBJECTIVES`. parameters: its values.
        logits: the teacher's, (N, C), of training examples. labels: int (N,).

    Returns:
        None for an objective that has no such target.
    """
    declared = catalog.OBJECTIVES[objective]
    if declared.target is None:
        return None
    import torch  # here, because no other number of the tables needs it

    said, own = torch.tensor(logits, dtype=torch.float64), torch.tensor(labels)
    given = dict(parameters)
    if declared.prepare:
        taken = {name: parameters[name] for name in declared.prepare_takes}
        given |= pkgutil.resolve_name(declared.prepare)(said[:, None].numpy(), own, **taken)
    made = pkgutil.resolve_name(declared.target)(said, own, **given)
    return made.exp().numpy(), parameters[declared.tau]
