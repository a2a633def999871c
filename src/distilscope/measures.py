"""The measures as plain functions on NumPy arrays: those that the pipeline calls.

    import distilscope as ds
    ds.measures.image_specific_rho(student_maps, teacher_maps, classes).value

docs/measures.md defines each. Maps are (N, h, w) of the same N images, in the same order, for the
same class of each image; logits are (N, C) and labels (N,) integers. Functions that give a number
an image return (N,), NaN where it is undefined; `mean` averages it and gives an interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from distilscope.analyses.alignment import maps as _maps
from distilscope.analyses.alignment.image_specific import ImageSpecific, image_specific_rho
from distilscope.analyses.alignment.maps import evidence, pool, upsample
from distilscope.analyses.outputs import calibration as _calibration
from distilscope.analyses.outputs import fidelity as _fidelity
from distilscope.analyses.outputs.calibration import brier, fit_temperature, nll
from distilscope.analyses.outputs.fidelity import (
    agreement,
    js,
    kl_student_teacher,
    kl_teacher_student,
    logit_rho,
    logit_rho_rest,
)
from distilscope.analyses.representation import neighbours as _neighbours
from distilscope.analyses.representation import representation as _representation
from distilscope.statistics import bootstrap as _bootstrap

__all__ = [
    "Estimate",
    "ImageSpecific",
    "accuracy",
    "agreement",
    "brier",
    "cka",
    "common_grid",
    "cosine",
    "debiased_l2",
    "ece",
    "ece_equal_mass",
    "evidence",
    "fit_temperature",
    "image_specific_rho",
    "iou",
    "js",
    "kappa",
    "kl_student_teacher",
    "kl_teacher_student",
    "logit_rho",
    "logit_rho_rest",
    "mass_lift",
    "mean",
    "mutual_knn",
    "nll",
    "pool",
    "rho",
    "upsample",
]


# --------------------------------------------------------------------------------------- maps


def common_grid(maps_a: ArrayLike, maps_b: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Both batches of maps averaged over the coarser of their two grids, (N, h, w) each.

    >>> a, b = common_grid(np.ones((2, 14, 14)), np.ones((2, 7, 8)))
    >>> a.shape, b.shape
    ((2, 7, 8), (2, 7, 8))
    """
    a, b = (_batch(side, name) for side, name in ((maps_a, "maps_a"), (maps_b, "maps_b")))
    grid = tuple(np.minimum(a.shape[1:], b.shape[1:]).tolist())
    return pool(a, grid), pool(b, grid)


def rho(maps_a: ArrayLike, maps_b: ArrayLike) -> np.ndarray:
    """Spearman's rho of two maps of each image: (N,), NaN where a map is flat.

    >>> rising = np.arange(4.0).reshape(1, 2, 2)
    >>> rho(rising, rising**2), rho(rising, -rising)
    (array([1.]), array([-1.]))
    """
    return _maps.spearman(*_rows(maps_a, maps_b))


def cosine(maps_a: ArrayLike, maps_b: ArrayLike) -> np.ndarray:
    """Cosine of two maps of each image: (N,), NaN where a map is flat.

    >>> cosine([[[3.0, 4.0]]], [[[4.0, 3.0]]]).round(2)
    array([0.96])
    """
    sides = _rows(maps_a, maps_b)
    flat = np.logical_or.reduce([side.max(axis=1) == side.min(axis=1) for side in sides])
    cosines = np.einsum("np,np->n", *(_maps.unit_lengths(side) for side in sides))
    return np.where(flat, np.nan, cosines)


def iou(maps_a: ArrayLike, maps_b: ArrayLike, share: float = 0.2) -> np.ndarray:
    """Overlap of the top `share` of the pixels of two maps: intersection over union, (N,).

    NaN where a map has fewer positive pixels than the set holds, or more of its largest value.

    >>> iou([[[4.0, 3, 2, 1]]], [[[4.0, 1, 3, 2]]], share=0.5).round(3)
    array([0.333])
    """
    a, b = (_maps.TopOrder.of(side) for side in _rows(maps_a, maps_b))
    return _maps.iou(a, b, share)


def mass_lift(maps: ArrayLike, reference: ArrayLike, share: float = 0.2) -> np.ndarray:
    """Share of a map's mass in the reference's top `share`, over what chance gives: (N,).

    >>> mass_lift([[[2.0, 1, 1, 0]]], [[[9.0, 1, 0, 0]]], share=0.25)
    array([2.])
    """
    own, other = _rows(maps, reference)
    return _maps.mass_lift(own, _maps.TopOrder.of(other), share)


def _batch(maps: ArrayLike, name: str) -> np.ndarray:
    found = np.asarray(maps, np.float64)
    if found.ndim != 3:
        raise ValueError(f"{name} is {found.shape}; expected (images, height, width)")
    return found


def _rows(maps_a: ArrayLike, maps_b: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """(N, P) each, float64."""
    a, b = np.asarray(maps_a, np.float64), np.asarray(maps_b, np.float64)
    if a.shape != b.shape or a.ndim < 2:
        raise ValueError(
            f"maps are {a.shape} and {b.shape}; expected (images, height, width) of the same "
            "images at one grid: `common_grid` brings both to the coarser one"
        )
    return a.reshape(len(a), -1), b.reshape(len(b), -1)


# ------------------------------------------------------------------------------------- outputs


def accuracy(logits: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """1.0 where the largest logit is the label's: (N,).

    >>> accuracy([[2.0, 1.0], [2.0, 1.0]], [0, 1])
    array([1., 0.])
    """
    return _confidences(logits, labels).correct


def ece(logits: ArrayLike, labels: ArrayLike, bins: int = 15) -> float:
    """Expected calibration error over bins of equal width (Guo et al. 2017), in [0, 1].

    >>> sure = np.array([[30.0, 0.0]] * 4)
    >>> round(ece(sure, [0, 0, 1, 1]), 3)
    0.5
    """
    return _calibration.ece(_confidences(logits, labels), bins)


def ece_equal_mass(logits: ArrayLike, labels: ArrayLike, bins: int = 15) -> float:
    """Expected calibration error over bins of equal numbers of images, in [0, 1].

    >>> sure = np.array([[30.0, 0.0]] * 4)
    >>> round(ece_equal_mass(sure, [0, 0, 1, 1]), 3)
    0.5
    """
    return _calibration.ece_equal_mass(_confidences(logits, labels), bins)


def debiased_l2(logits: ArrayLike, labels: ArrayLike, bins: int = 15) -> float:
    """Root of the debiased squared calibration error (Kumar et al. 2019); NaN with few images.

    >>> sure = np.array([[30.0, 0.0]] * 400)
    >>> round(debiased_l2(sure, [0, 1] * 200), 1)
    0.5
    """
    return _calibration.debiased_l2(_confidences(logits, labels), bins)


def kappa(student: ArrayLike, teacher: ArrayLike) -> float:
    """Cohen's kappa of two models' predictions: agreement beyond chance.

    >>> kappa([[1, 0], [0, 1], [1, 0]], [[1, 0], [0, 1], [1, 0]])
    1.0
    """
    own, other = (np.argmax(np.asarray(side), axis=1) for side in (student, teacher))
    classes = np.shape(student)[1]
    shares = [np.bincount(side, minlength=classes) / len(side) for side in (own, other)]
    return float(_fidelity.kappa(np.mean(own == other), *shares))


def _confidences(logits: ArrayLike, labels: ArrayLike) -> _calibration.Confidences:
    scores, known = np.asarray(logits), np.asarray(labels)
    if scores.ndim != 2 or known.shape != scores.shape[:1]:
        raise ValueError(
            f"logits are {scores.shape} and labels {known.shape}; expected (N, classes) and (N,)"
        )
    return _calibration.Confidences.of(scores, known)


# ------------------------------------------------------------------------------------- layers


def cka(features_a: ArrayLike, features_b: ArrayLike, batch: int | None = None) -> float:
    """Debiased linear CKA of two layers' features of the same images: (N, C) and (N, D).

    Args:
        batch: images in a Gram; all of them where nothing is said. The pipeline sums over batches
            of `observe.gram_batch` of a fixed partition of the images.

    >>> features = np.random.default_rng(0).standard_normal((50, 8))
    >>> turned = features @ np.linalg.qr(np.random.default_rng(1).standard_normal((8, 8)))[0]
    >>> round(cka(features, 3 * turned), 4)
    1.0
    """
    from distilscope.observing.grams import of_features

    sides = [np.asarray(side, np.float32) for side in (features_a, features_b)]
    if any(side.ndim != 2 for side in sides) or len(sides[0]) != len(sides[1]):
        shapes = " and ".join(str(side.shape) for side in sides)
        raise ValueError(f"features are {shapes}; expected (N, C) and (N, D) of the same images")
    grams = [of_features(side, batch or len(side))[1] for side in sides]
    return float(_representation.cka(grams[:1], grams[1:]).debiased[0, 0])


def mutual_knn(features_a: ArrayLike, features_b: ArrayLike, k: int = 10) -> float:
    """Share of an image's k nearest that two layers have in common (Huh et al. 2024), in [0, 1].

    Args:
        features_a, features_b: (N, C) and (N, D) of the same images. Chance gives k / (N - 1).

    >>> features = np.random.default_rng(0).standard_normal((50, 8))
    >>> mutual_knn(features, 2 * features)
    1.0
    """
    sides = np.asarray(features_a), np.asarray(features_b)
    return float(_neighbours.mutual([sides[0]], [sides[1]], k).share[0, 0])


# ---------------------------------------------------------------------------------- intervals


@dataclass(frozen=True)
class Estimate:
    """A number with its interval over images: NaN ends where there are fewer than two.

    Attributes:
        n: images that count. n_undefined: those without a value.
    """

    value: float
    low: float
    high: float
    n: int
    n_undefined: int


def mean(
    values: ArrayLike, *, level: float = 0.95, replicates: int = 1000, seed: int = 0
) -> Estimate:
    """The mean of a number an image (N,), NaN left out, with its bootstrap interval over images.

    >>> found = mean([1.0, 0.0, 1.0, np.nan])
    >>> round(found.value, 3), found.n, found.n_undefined
    (0.667, 3, 1)
    """
    column = np.asarray(values, np.float64).reshape(-1, 1)
    drawn = _bootstrap.Resamples.draw(len(column), replicates, seed)
    found = _bootstrap.means(column, drawn, level)
    numbers = (float(part[0]) for part in (found.value, found.low, found.high))
    return Estimate(*numbers, int(found.n[0]), int(found.n_undefined[0]))
