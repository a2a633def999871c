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
Target = Callable[[Mapping[str, float], np.ndarray, np.ndarray], np.ndarray]
"""(parameters, logits (N, C), labels (N,)) -> probabilities (N, C)."""


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
    if objective not in TARGETS:
        return None
    made, tau_student = TARGETS[objective]
    return made(parameters, np.asarray(logits, np.float64), labels), parameters[tau_student]


def _softened(
    logits: np.ndarray, labels: np.ndarray, true: np.ndarray, rest: np.ndarray
) -> np.ndarray:
    """Probabilities with temperatures (N,) of the label and of the wrong classes."""
    temperatures = np.repeat(rest[:, None], logits.shape[1], axis=1)
    temperatures[np.arange(len(labels)), labels] = true
    return special.softmax(logits / temperatures, axis=1)


def _of(value: float, labels: np.ndarray) -> np.ndarray:
    return np.full(len(labels), distinctness.positive(value))


def _at(tau: str) -> Target:
    """All classes at one temperature, the parameter of that name."""
    return lambda parameters, logits, labels: _softened(
        logits, labels, *[_of(parameters[tau], labels)] * 2
    )


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
    said = _at("tau_teacher")(parameters, logits, labels)
    rows = np.arange(len(labels))
    own = said[rows, labels]
    matrix = relations.relation_matrix(logits, labels, tau)
    wrong = said.copy()
    wrong[rows, labels] = 0.0
    mass = wrong.sum(axis=1, keepdims=True)
    mixed = (1 - gamma) * wrong + gamma * mass * matrix[labels]
    mixed[rows, labels] = own
    return mixed


TARGETS: dict[str, tuple[Target, str]] = {
    "kd": (_at("T"), "T"),
    "ts": (_at("tau_teacher"), "tau_student"),
    "ats": (_ats, "tau_student"),
    "isats": (_isats, "tau_student"),
    "fused": (_fused, "tau_student"),
}
"""Objective -> the probabilities that it aims at, and the parameter that is the student's tau."""
