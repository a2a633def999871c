"""Does a model's confidence say how often it is right?

Everything is float64 from logits through log-softmax: in float32 a confident model's
probabilities round to exactly 1. Confidence is the top-label softmax probability at T = 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from distilscope.measuring.observations import log_probabilities

TEMPERATURES = (0.02, 50.0)


@dataclass(frozen=True)
class Confidences:
    """What calibration looks at: (N,) confidence of the prediction, (N,) 1.0 where it is right."""

    confidence: np.ndarray
    correct: np.ndarray

    @classmethod
    def of(cls, logits: np.ndarray, labels: np.ndarray) -> Confidences:
        """From logits (N, C) and labels (N,)."""
        prediction = np.argmax(logits, axis=1)
        logs = log_probabilities(logits)
        confidence = np.exp(logs[np.arange(len(logs)), prediction])
        return cls(np.minimum(confidence, 1.0), (prediction == labels).astype(np.float64))


def equal_width_bins(confidence: np.ndarray, bins: int = 15) -> np.ndarray:
    """Bin 0..bins-1 of each confidence: (lower, upper], the first one closed below too."""
    edges = np.linspace(0.0, 1.0, bins + 1)
    return np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)


def equal_mass_bins(confidence: np.ndarray, bins: int = 15) -> np.ndarray:
    """Bin 0..bins-1 by rank, so that ties (many confidences of 1) can't empty a bin."""
    order = np.argsort(confidence, kind="stable")
    assigned = np.empty(len(confidence), np.int64)
    assigned[order] = np.arange(len(confidence)) * bins // max(len(confidence), 1)
    return assigned


def gaps_by_bin(data: Confidences, assigned: np.ndarray, bins: int = 15) -> np.ndarray:
    """(N, bins): confidence - correct of each image in the column of its bin, 0 elsewhere.

    ECE is the sum of the absolute column sums over N, also of a resample of the rows.
    """
    table = np.zeros((len(assigned), bins))
    table[np.arange(len(assigned)), assigned] = data.confidence - data.correct
    return table


def binned_error(data: Confidences, assigned: np.ndarray, bins: int) -> float:
    """Expected calibration error over given bins: sum_b n_b/N |accuracy_b - confidence_b|."""
    if len(assigned) == 0:
        return np.nan
    return float(np.abs(gaps_by_bin(data, assigned, bins).sum(axis=0)).sum() / len(assigned))


def ece(data: Confidences, bins: int = 15) -> float:
    """ECE over equal-width bins (Guo et al. 2017)."""
    return binned_error(data, equal_width_bins(data.confidence, bins), bins)


def ece_equal_mass(data: Confidences, bins: int) -> float:
    """ECE over bins of equal numbers of images."""
    return binned_error(data, equal_mass_bins(data.confidence, bins), bins)


def debiased_l2(data: Confidences, bins: int = 15) -> float:
    """Root of the debiased squared calibration error over equal-mass bins (Kumar et al. 2019).

    From each bin's squared gap its sampling variance acc (1 - acc) / (n - 1) is taken; a negative
    sum gives 0. Bins with fewer than two images count as 0.
    """
    table = _tabulate(data, equal_mass_bins(data.confidence, bins), bins)
    used = table.n >= 2
    if not used.any():
        return np.nan
    n, accuracy = table.n[used], table.accuracy[used]
    squared = (table.confidence[used] - accuracy) ** 2 - accuracy * (1 - accuracy) / (n - 1)
    return float(np.sqrt(max(0.0, np.sum(n * squared) / table.n.sum())))


# -------------------------------------------------------------------------- reliability diagram


@dataclass(frozen=True)
class Reliability:
    """A row a bin: edges, number of images, mean confidence, accuracy (NaN in empty bins)."""

    low: np.ndarray
    high: np.ndarray
    n: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


def reliability(data: Confidences, bins: int = 15) -> Reliability:
    """The table behind a reliability diagram, over equal-width bins."""
    return _tabulate(data, equal_width_bins(data.confidence, bins), bins)


def _tabulate(data: Confidences, assigned: np.ndarray, bins: int) -> Reliability:
    n = np.bincount(assigned, minlength=bins)
    divisor = np.where(n > 0, n, np.nan)
    edges = np.linspace(0.0, 1.0, bins + 1)
    return Reliability(
        low=edges[:-1],
        high=edges[1:],
        n=n,
        confidence=np.bincount(assigned, data.confidence, bins) / divisor,
        accuracy=np.bincount(assigned, data.correct, bins) / divisor,
    )


def noise_floor(
    confidence: np.ndarray, bins: int = 15, simulations: int = 200, seed: int = 0
) -> tuple[float, float]:
    """ECE (equal-width) of a perfectly calibrated model that has these confidences.

    Returns:
        mean and 95th percentile over seeded draws of correct ~ Bernoulli(confidence).
    """
    if len(confidence) == 0:
        return np.nan, np.nan
    generator = np.random.default_rng(seed)
    one_hot = np.eye(bins)[equal_width_bins(confidence, bins)]
    draws = np.empty(simulations)
    for i in range(simulations):
        gap = confidence - (generator.random(len(confidence)) < confidence)
        draws[i] = np.abs(gap @ one_hot).sum() / len(confidence)
    return float(draws.mean()), float(np.quantile(draws, 0.95))


# ------------------------------------------------------------------------------- proper scores


def nll(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Negative log-likelihood of the label by image, in nats: (N,).

    >>> nll(np.zeros((1, 4)), np.array([2])).round(3)
    array([1.386])
    """
    return -log_probabilities(logits)[np.arange(len(labels)), labels]


def brier(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Brier score by image, in [0, 2]: squared distance of probabilities to the one-hot label.

    >>> brier(np.zeros((1, 2)), np.array([0]))
    array([0.5])
    """
    probabilities = np.exp(log_probabilities(logits))
    probabilities[np.arange(len(labels)), labels] -= 1.0
    return np.sum(probabilities**2, axis=1)


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The T that minimises the mean NLL of logits / T (Guo et al. 2017), searched over log T.

    Fit it on images that are not the test set. Logits that say nothing of the label, or are
    always right, have no such T: the search ends at one of `TEMPERATURES`, see `at_bound`.

    Raises:
        ValueError: there are no images.

    >>> logits = np.array([[3.0, 0.0]] * 4)  # surer than right in three of four
    >>> round(fit_temperature(logits, np.array([0, 0, 0, 1])), 2)
    2.73
    """
    if len(labels) == 0:
        raise ValueError("a temperature can't be fitted without images")
    logits = np.asarray(logits, np.float64)

    def mean_nll(log_temperature: float) -> float:
        return float(nll(logits / np.exp(log_temperature), labels).mean())

    bounds = np.log(TEMPERATURES)
    found = optimize.minimize_scalar(
        mean_nll, bounds=tuple(bounds), method="bounded", options={"xatol": 1e-6}
    )
    for bound, temperature in zip(bounds, TEMPERATURES, strict=True):
        if mean_nll(bound) <= found.fun:
            return temperature
    return float(np.exp(found.x))


def at_bound(temperature: float) -> bool:
    """Whether a fitted temperature is where the search had to stop, not a minimum."""
    return temperature in TEMPERATURES
