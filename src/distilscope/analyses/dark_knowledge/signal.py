"""What a student learns from: the target of its objective, and what that asks of it.

Targets are those of `training.objectives`, in NumPy. They take labels, so that they are of training
examples alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special

from distilscope.analyses.dark_knowledge import distinctness, relations

ISATS_STEPS = 8


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

    Args:
        objective: name in `catalog.OBJECTIVES`. parameters: its values.
        logits: the teacher's, (N, C), of training examples. labels: int (N,).

    Returns:
        None for an objective that has no such target.
    """
    made = TARGETS.get(objective)
    if made is None:
        return None
    student = parameters["T"] if objective == "kd" else parameters["tau_student"]
    return made(parameters, np.asarray(logits, np.float64), labels), student


def _softened(
    logits: np.ndarray, labels: np.ndarray, true: np.ndarray, rest: np.ndarray
) -> np.ndarray:
    """Probabilities with temperatures (N,) of the label and of the wrong classes."""
    temperatures = np.repeat(rest[:, None], logits.shape[1], axis=1)
    temperatures[np.arange(len(labels)), labels] = true
    return special.softmax(logits / temperatures, axis=1)


def _of(value: float, labels: np.ndarray) -> np.ndarray:
    return np.full(len(labels), distinctness.positive(value))


def _kd(parameters: Mapping[str, float], logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return _softened(logits, labels, *[_of(parameters["T"], labels)] * 2)


def _ts(parameters: Mapping[str, float], logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return _softened(logits, labels, *[_of(parameters["tau_teacher"], labels)] * 2)


def _ats(parameters: Mapping[str, float], logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    both = (_of(parameters[name], labels) for name in ("tau_true", "tau_rest"))
    return _softened(logits, labels, *both)


def _isats(parameters: Mapping[str, float], logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    grid = np.geomspace(parameters["tau_low"], parameters["tau_high"], ISATS_STEPS)
    own, wrong = distinctness.split(logits, labels)
    pairs, masses, spreads = [], [], []
    for true in grid:
        for rest in grid:
            found = special.logsumexp(wrong / rest, axis=1) - own / true
            mass = special.expit(found)
            pairs.append((true, rest))
            masses.append(mass)
            spreads.append(mass**2 * special.softmax(wrong / rest, axis=1).var(axis=1))
    mass, spread = np.array(masses), np.array(spreads)
    allowed = mass <= parameters["cap"]
    best = np.where(allowed, spread, -1.0).argmax(axis=0)
    chosen = np.where(allowed.any(axis=0), best, mass.argmin(axis=0))
    true, rest = np.array(pairs)[chosen].T
    return _softened(logits, labels, true, rest)


def _fused(parameters: Mapping[str, float], logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    tau, gamma = parameters["tau_teacher"], parameters["gamma"]
    said = _softened(logits, labels, *[_of(tau, labels)] * 2)
    rows = np.arange(len(labels))
    own = said[rows, labels]
    matrix = relations.relation_matrix(logits, labels, tau)
    wrong = said.copy()
    wrong[rows, labels] = 0.0
    mass = wrong.sum(axis=1, keepdims=True)
    mixed = (1 - gamma) * wrong + gamma * mass * matrix[labels]
    mixed[rows, labels] = own
    return mixed


TARGETS: dict[str, Callable[[Mapping[str, float], np.ndarray, np.ndarray], np.ndarray]] = {
    "kd": _kd,
    "ts": _ts,
    "ats": _ats,
    "isats": _isats,
    "fused": _fused,
}
