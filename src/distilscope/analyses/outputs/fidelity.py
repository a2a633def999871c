"""How far a model says what its reference says, right or wrong.

Functions return one number an image where there is one, so that they can be averaged over any
subset and bootstrapped. Logits are (N, C); probabilities are at T = 1 in float64. A logit of -inf
is a class that an example doesn't have: items of text may differ in their number of choices.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from distilscope.analyses.alignment import maps
from distilscope.analyses.outputs.calibration import log_probabilities


def agreement(student: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """1.0 where both predict the same class: (N,).

    NaN where a model predicts none (`silent`), and everywhere where both predict one and the same
    class for all images: that two models have collapsed alike is no agreement.

    >>> agreement(np.array([[2, 1], [1, 2], [0, 0]]), np.array([[3, 1], [5, 2], [1, 0]]))
    array([ 1.,  0., nan])
    """
    own, other = np.argmax(student, axis=1), np.argmax(teacher, axis=1)
    collapsed = len(np.unique(np.concatenate([own, other]))) == 1
    undefined = silent(student) | silent(teacher) | collapsed
    return np.where(undefined, np.nan, own == other)


def silent(logits: np.ndarray) -> np.ndarray:
    """(N,) bool: all logits of an image are equal, and the largest is one in name only."""
    there = np.where(np.isneginf(logits), logits.max(axis=1, keepdims=True), logits)
    return np.ptp(there, axis=1) == 0


def chance_agreement(accuracy: float, reference_accuracy: float, classes: int) -> float:
    """Agreement of two models of these accuracies that err independently, uniformly over classes.

    a b + (1 - a)(1 - b) / (C - 1).
    """
    if classes < 2:
        return np.nan
    both_wrong = (1 - accuracy) * (1 - reference_accuracy)
    return accuracy * reference_accuracy + both_wrong / (classes - 1)


def kappa(agreed: np.ndarray, shares: np.ndarray, reference_shares: np.ndarray) -> np.ndarray:
    """Cohen's kappa: (agreement - chance) / (1 - chance), chance from how often each class is said.

    Args:
        agreed: (...) share of images with equal predictions.
        shares: (..., C) share of each class among the model's predictions.
        reference_shares: (..., C) the same of the reference.

    Returns:
        (...), NaN where both say one and the same class only.
    """
    chance = np.sum(np.asarray(shares) * np.asarray(reference_shares), axis=-1)
    room = 1.0 - chance
    usable = room > 1e-12
    return np.where(usable, (agreed - chance) / np.where(usable, room, 1.0), np.nan)


def kl_teacher_student(student: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """KL(teacher || student) by image, in nats: what distillation minimises at T = 1.

    >>> even, sure = np.zeros((1, 2)), np.log([[0.75, 0.25]])
    >>> kl_teacher_student(even, sure).round(3)
    array([0.131])
    """
    return _kl(log_probabilities(teacher), log_probabilities(student))


def kl_student_teacher(student: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """KL(student || teacher) by image, in nats.

    >>> even, sure = np.zeros((1, 2)), np.log([[0.75, 0.25]])
    >>> kl_student_teacher(even, sure).round(3)
    array([0.144])
    """
    return _kl(log_probabilities(student), log_probabilities(teacher))


def js(student: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence by image, in nats, in [0, ln 2].

    >>> js(np.array([[50.0, 0.0], [1.0, 2.0]]), np.array([[0.0, 50.0], [1.0, 2.0]])).round(3)
    array([0.693, 0.   ])
    """
    first, second = log_probabilities(student), log_probabilities(teacher)
    middle = np.logaddexp(first, second) - np.log(2.0)
    return np.clip((_kl(first, middle) + _kl(second, middle)) / 2, 0.0, np.log(2.0))


def _kl(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """sum_c p (log p - log q) by row of log-probabilities; rounding below 0 becomes 0."""
    there = ~np.isneginf(p)
    apart = np.subtract(p, q, out=np.zeros_like(p), where=there)
    return np.maximum(np.sum(np.exp(p) * apart, axis=1), 0.0)


def logit_rho(student: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """Spearman's rho of the logits over the classes, by image; NaN where a row is constant.

    >>> logit_rho(np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 3.0, 2.0]]))
    array([0.5])
    """
    return _by_classes(maps.spearman, student, teacher)


def logit_rho_rest(student: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """`logit_rho` without the reference's top class: the order of the classes it rules out.

    NaN with fewer than three classes.

    >>> logit_rho_rest(np.array([[9.0, 1.0, 2.0]]), np.array([[7.0, 2.0, 1.0]]))
    array([-1.])
    """
    return _by_classes(_rho_rest, student, teacher)


def _rho_rest(student: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    n, classes = np.shape(teacher)
    if classes < 3:
        return np.full(n, np.nan)
    rest = np.ones((n, classes), bool)
    rest[np.arange(n), np.argmax(teacher, axis=1)] = False
    shape = (n, classes - 1)
    return maps.spearman(student[rest].reshape(shape), teacher[rest].reshape(shape))


def _by_classes(
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray],
    student: np.ndarray,
    teacher: np.ndarray,
) -> np.ndarray:
    """(N,) of a measure, over the classes that each example has: those behind are -inf."""
    own, other = (np.asarray(each, np.float64) for each in (student, teacher))
    counts = (~np.isneginf(other)).sum(axis=1)
    if (counts == other.shape[1]).all():
        return measure(own, other)
    found = np.full(len(own), np.nan)
    for count in np.unique(counts):
        rows = np.flatnonzero(counts == count)
        found[rows] = measure(own[rows, :count], other[rows, :count])
    return found
