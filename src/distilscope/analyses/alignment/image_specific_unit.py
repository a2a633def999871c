"""The older form of image-specific rho: a mean of correlations by image, with a null beside it.

The class means are cross-fitted over folds, and each residual map is scaled to length 1. Residuals
average to 0 over a class, but their directions need not, so that unrelated models with skewed maps
score above 0: read it beside its null. `image_specific` has the form that needs none.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from distilscope.analyses.alignment import maps
from distilscope.data.hashing import mix

STEP = np.uint64(0x9E3779B97F4A7C15)  # of SplitMix64


def fold_of(index: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold 0..folds-1 of each dataset index: a hash of (index, seed) and of nothing else.

    The seed counts steps of SplitMix64 (`hashing.mix`) from the index on, two at a time.
    """
    with np.errstate(over="ignore"):
        word = np.asarray(index).astype(np.uint64) + STEP * np.uint64(2 * seed)
    return (mix(word) % np.uint64(folds)).astype(np.int64)


def class_mean_residuals(
    ranks: np.ndarray,
    classes: np.ndarray,
    fold: np.ndarray,
    usable: np.ndarray,
    minimum: int,
) -> np.ndarray:
    """Rank maps minus the mean rank map of their class over the images of the other folds.

    Args:
        ranks: (N, P) average ranks of each map.
        classes: (N,) the class that each map explains, from 0.
        fold: (N,) the fold of each image; an image is never in the mean that is taken from it.
        usable: (N,) bool, False for flat maps: they are in no mean.
        minimum: the least number of images that a mean may rest on.

    Returns:
        (N, P) float64; a row is NaN where the map is not usable or the mean rests on too few.
    """
    folds = int(fold.max()) + 1 if len(fold) else 1
    known, place = np.unique(classes, return_inverse=True)  # of a thousand classes, a few
    groups = max(len(known), 1) * folds
    group = place * folds + fold
    places = (group[usable], np.flatnonzero(usable))
    member = sparse.csr_matrix((np.ones(int(usable.sum())), places), shape=(groups, len(ranks)))
    sums = (member @ ranks).reshape(-1, folds, ranks.shape[1])
    counts = np.asarray(member.sum(axis=1)).reshape(-1, folds)
    other_sums = (sums.sum(axis=1, keepdims=True) - sums).reshape(groups, -1)
    other_counts = (counts.sum(axis=1, keepdims=True) - counts).ravel()
    enough = np.where(other_counts >= max(minimum, 1), other_counts, np.nan)
    residuals = ranks - other_sums[group] / enough[group, None]
    residuals[~usable] = np.nan
    return residuals


def image_specific_rho_unit(
    model_residuals: np.ndarray, reference_residuals: np.ndarray
) -> np.ndarray:
    """Pearson correlation by image of two (N, P) residual rank maps: (N,), NaN where undefined."""
    units = maps.unit_rows(model_residuals), maps.unit_rows(reference_residuals)
    return maps.correlate_units(*units)
