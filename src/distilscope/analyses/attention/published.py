"""The published study's own numbers, as its code computes them, under names of their own.

Source: github.com/zisci2/RethinkKD. Batches are of 128 images in index order, for its order of the
test images is that of the files.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from distilscope.analyses.attention.information import confusions, plug_in
from distilscope.analyses.attention.overlap import batches

TIMES = 10.0
"""By which the published divergence is multiplied."""

BINS, NEIGHBOURS, JITTER = 10, 3, 1e-10


def divergence(student: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """(N,) ten times KL(student || teacher) at temperature 1, of logits (N, C) each.

    It is called with the teacher first and takes the student's expectation all the same: the other
    way round than Stanton et al. (2021), and distillation itself.
    """
    own, other = (special.log_softmax(x.astype(np.float64), axis=1) for x in (student, teacher))
    return TIMES * (np.exp(own) * (own - other)).sum(axis=1)


def calibration_error(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean over ten bins of |accuracy - confidence|, each bin counting alike, an empty one as 0."""
    shares = special.softmax(logits.astype(np.float64), axis=1)
    confidence, right = shares.max(axis=1), shares.argmax(axis=1) == labels
    total = 0.0
    for number in range(BINS):
        inside = (confidence > number / BINS) & (confidence <= (number + 1) / BINS)
        if inside.any():
            total += abs(right[inside].mean() - confidence[inside].mean())
    return total / BINS


def mis(student: np.ndarray, teacher: np.ndarray, batch: int) -> float:
    """`mis`: the plug-in mutual information of predicted labels, batch by batch; the plain mean."""
    found = [plug_in(confusions(student[s], teacher[s])) for s in batches(len(student), batch)]
    return float(np.mean(found))


def mi(student: np.ndarray, teacher: np.ndarray, batch: int, seed: int = 0) -> float:
    """`mi`: scikit-learn's `mutual_info_classif` of labels, batch by batch; the plain mean.

    The student's predicted label is taken for a continuous number. See `nearest_neighbours`.
    """
    random = np.random.default_rng(seed)
    cut = batches(len(student), batch)
    found = [nearest_neighbours(student[s].astype(float), teacher[s], random) for s in cut]
    return float(np.mean(found))


def nearest_neighbours(
    numbers: np.ndarray, labels: np.ndarray, random: np.random.Generator
) -> float:
    """Mutual information of a number and a class by three nearest neighbours, in nats.

    Source: Ross 2014 (PLoS ONE 9, e87357) as in scikit-learn: the numbers are divided by their
    standard deviation and jittered by 1e-10 of their size, a class of one image is left out, and
    an estimate below 0 is 0.

    Args:
        numbers: (N,). labels: int (N,). random: of the jitter.
    """
    spread = numbers.std()
    scaled = numbers / spread if spread > 0 else numbers.copy()
    scaled = scaled + JITTER * max(1.0, float(np.abs(scaled).mean())) * random.standard_normal(
        len(scaled)
    )
    names, sizes = np.unique(labels, return_counts=True)
    kept = np.isin(labels, names[sizes > 1])
    x, y = scaled[kept], labels[kept]
    if not len(x):
        return 0.0
    gaps = np.abs(x[:, None] - x[None, :])
    alike = y[:, None] == y[None, :]
    own = alike.sum(axis=1)
    asked = np.minimum(NEIGHBOURS, own - 1)
    # An image is at no distance from itself, which stands first.
    near = np.sort(np.where(alike, gaps, np.inf), axis=1)
    radius = np.nextafter(near[np.arange(len(x)), asked], 0)
    within = (gaps <= radius[:, None]).sum(axis=1)
    found = (
        special.digamma(len(x))
        + special.digamma(asked).mean()
        - special.digamma(own).mean()
        - special.digamma(within).mean()
    )
    return max(0.0, float(found))
