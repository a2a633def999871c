"""How far apart a teacher holds the wrong classes: derived and inherent spread.

p = softmax(z / tau), y the label, q the C - 1 probabilities of the wrong classes. The *derived*
mean and spread are those of q; the *inherent* ones are of q~ = q / (1 - p_y), the softmax over the
wrong logits alone. Both meet in v(q) = (1 - p_y)^2 v(q~): a teacher that is sure crushes the spread
of q though the order of its wrong classes is whole.

Source: Fan, Li and Zhan 2026, doi 10.1007/s11704-025-41434-w, and the code of Li et al. 2022,
github.com/lxcnju/ATS-LargeKD, which plots sigma(q) under the name "derived variance".
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy import special

TWO_CLASSES = "two classes: the one wrong class has no spread"


@dataclass(frozen=True)
class Distinctness:
    """Of each of N images, float64 (N,). Spreads are NaN with two classes.

    Attributes:
        p_true: probability of the label.
        wrong_mean: e(q), (1 - p_true) / (C - 1).
        wrong_sd, wrong_variance: sigma(q) and v(q), over the wrong classes (population form).
        inherent_sd, inherent_variance: the same of q~.
        inherent_entropy: of q~, in nats.
    """

    p_true: np.ndarray
    wrong_mean: np.ndarray
    wrong_sd: np.ndarray
    wrong_variance: np.ndarray
    inherent_sd: np.ndarray
    inherent_variance: np.ndarray
    inherent_entropy: np.ndarray

    def columns(self) -> np.ndarray:
        """(N, 7), in the order of `NAMES`."""
        return np.column_stack([getattr(self, name) for name in NAMES])


NAMES = tuple(field.name for field in fields(Distinctness))


def distinctness(
    logits: np.ndarray, labels: np.ndarray, tau: float, tau_true: float | None = None
) -> Distinctness:
    """The distinctness of wrong classes at a temperature.

    Args:
        logits: (N, C), C >= 2. labels: int (N,).
        tau: of all logits, above 0.
        tau_true: of the label's logit, where it differs (asymmetric scaling). It takes the label,
            so that it is for training examples alone.

    Raises:
        ValueError: a temperature that is not above 0, or labels that are no classes.
    """
    own, wrong = split(logits, labels)
    true, rest = own / positive(tau if tau_true is None else tau_true), wrong / positive(tau)
    log_mass = special.log_expit(special.logsumexp(rest, axis=1) - true)
    inherent = special.softmax(rest, axis=1)
    wrong_classes = inherent.shape[1]
    derived = np.exp(log_mass)[:, None] * inherent
    found = {
        "wrong_sd": derived.std(axis=1),
        "wrong_variance": derived.var(axis=1),
        "inherent_sd": inherent.std(axis=1),
        "inherent_variance": inherent.var(axis=1),
        "inherent_entropy": special.entr(inherent).sum(axis=1),
    }
    if wrong_classes == 1:
        found = {name: np.full(len(own), np.nan) for name in found}
    mass = np.exp(log_mass)
    return Distinctness(p_true=1 - mass, wrong_mean=mass / wrong_classes, **found)


def split(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The label's logit (N,) and those of the wrong classes (N, C - 1) in class order, float64.

    Raises:
        ValueError: fewer than two classes, or a label that is none of them.
    """
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels)
    n, classes = logits.shape
    if classes < 2:
        raise ValueError(f"{classes} class has no wrong class; two or more are needed")
    if len(labels) != n or not np.isin(labels, np.arange(classes)).all():
        raise ValueError(f"labels must be {n} whole numbers from 0 to {classes - 1}")
    at_label = np.zeros(logits.shape, bool)
    at_label[np.arange(n), labels] = True
    return logits[at_label], logits[~at_label].reshape(n, classes - 1)


def positive(tau: float) -> float:
    """A temperature.

    Raises:
        ValueError: it is not above 0.
    """
    if not tau > 0:
        raise ValueError(f"a temperature is above 0, got {tau:g}")
    return tau
