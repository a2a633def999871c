"""What of a map is the image's own: likeness above that of maps of other images of the class.

With rho(i, j) Spearman's rho between model A's map of image i and model B's of image j, means over
the n images of a class, and over its n (n - 1) pairs of different images,

    image-specific rho = (mean rho_AB(i, i) - mean rho_AB(i, j))
                         / sqrt((1 - mean rho_AA(i, j)) (1 - mean rho_BB(i, j))).

It is Pearson's correlation of the two models' rank maps, pooled over images and pixels, once each
model's mean rank map of the class is taken away; and so it is computed, without any pairs. Over
several classes it is the mean over images of their class's value.

That the same images are in the means and in the sums makes its mean over all ways of handing B's
maps to other images of the class exactly 0, and none of these changes the denominator: models
that are independent given the class have the expectation 0, whatever their maps look like. See
docs/image-specific-rho.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from distilscope.analyses.alignment import maps

MIN_IMAGES = 3  # images of a class: the spread of fewer is unknown
PER_COLUMN = 3  # images of a class for each column that is regressed on
NOTHING = 1e-20  # mean square beside the class mean, of unit rows, that is rounding


@dataclass(frozen=True)
class ImageSpecific:
    """Image-specific rho of two models on N images, NaN where it is undefined.

    Attributes:
        contributions: (N,), of which the mean over a class, or over all images, is the measure
            there. Their deviations from it are its influence values, a little enlarged in small
            classes: their spread is that of the ratio, so that intervals and paired tests of
            means hold for it. Single ones may lie beyond [-1, 1].
        share, reference_share: (N,), of which the mean is the share of the rank variance of
            either model's maps that is the image's own, 1 - mean rho_AA(i, j).
        few: (N,) bool, the class has too few images.
        residuals, reference_residuals: (N, P), scaled so that the mean product by row is the
            measure, and products of different rows what it is for another image's map.
    """

    contributions: np.ndarray
    share: np.ndarray
    reference_share: np.ndarray
    few: np.ndarray
    residuals: np.ndarray
    reference_residuals: np.ndarray

    @property
    def value(self) -> float:
        """The measure over all images where it is defined; NaN where that is none."""
        defined = self.contributions[~np.isnan(self.contributions)]
        return float(np.mean(defined)) if len(defined) else np.nan


def image_specific_rho(
    maps_a: np.ndarray,
    maps_b: np.ndarray,
    classes: np.ndarray,
    covariates: np.ndarray | None = None,
    minimum: int = MIN_IMAGES,
) -> ImageSpecific:
    """Compare two models' maps of the same images.

    Args:
        maps_a, maps_b: (N, ...) maps at one resolution; only the order of their pixels counts.
        classes: (N,) integers; images of one class can stand in for each other.
        covariates: (N, K) what else is taken out of the maps, by linear regression in each class.
        minimum: the least images of a class, of those on which no map is flat.

    Raises:
        ValueError: shapes that don't fit.

    >>> draw = np.random.default_rng(0)
    >>> own, classes = draw.standard_normal((60, 4, 4)), np.arange(60) % 2
    >>> usual = 5 * draw.standard_normal((2, 4, 4))[classes]
    >>> round(image_specific_rho(usual + own, usual + own, classes).value, 3)
    1.0
    >>> other = draw.standard_normal((60, 4, 4))  # the class's usual place alone is no likeness
    >>> abs(image_specific_rho(usual + own, usual + other, classes).value) < 0.1
    True
    """
    flat = [np.reshape(side, (len(side), -1)) for side in (maps_a, maps_b)]
    if flat[0].shape != flat[1].shape or len(classes) != len(flat[0]):
        raise ValueError(
            f"maps of shapes {np.shape(maps_a)} and {np.shape(maps_b)} with {len(classes)} "
            "classes; expected the same images, pixels and one class an image"
        )
    units = [maps.unit_rows(maps.average_ranks(side)) for side in flat]
    return of_unit_ranks(units[0], units[1], classes, covariates, minimum)


def of_unit_ranks(
    a: np.ndarray,
    b: np.ndarray,
    classes: np.ndarray,
    covariates: np.ndarray | None = None,
    minimum: int = MIN_IMAGES,
) -> ImageSpecific:
    """The same of (N, P) average ranks, each row centred and of length 1, NaN for a flat map.

    Args: see `image_specific_rho`. An image whose covariates are NaN is undefined.
    """
    usable = ~(np.isnan(a[:, 0]) | np.isnan(b[:, 0]))
    if covariates is not None:
        usable &= ~np.isnan(covariates).any(axis=1)
    columns = np.full((3, len(a)), np.nan)
    sides = np.full((2, *a.shape), np.nan)
    few = np.zeros(len(a), bool)
    for number in np.unique(classes[usable]):
        rows = np.flatnonzero(usable & (classes == number))
        design = np.ones((len(rows), 1))
        if covariates is not None:
            design = np.column_stack([design, covariates[rows]])
        taken_out = 0 if covariates is None else PER_COLUMN * design.shape[1]
        needed = max(minimum, MIN_IMAGES, taken_out)
        if len(rows) < needed:
            few[rows] = True
            continue
        basis = _basis(design)
        left = [side[rows] - basis @ (basis.T @ side[rows]) for side in (a, b)]
        columns[:, rows], scaled = _of_class(*left, len(rows) - basis.shape[1])
        for side, own in zip(sides, scaled, strict=True):
            side[rows] = own
    return ImageSpecific(*columns, few, *sides)


def _basis(design: np.ndarray) -> np.ndarray:
    """Orthonormal columns (n, rank) that span a design (n, 1 + K) whose first column is 1."""
    centred = design[:, 1:] - design[:, 1:].mean(axis=0)
    spread = np.sqrt(np.mean(centred**2, axis=0))
    varied = spread > maps.FLAT * np.abs(design[:, 1:]).max(axis=0, initial=0)
    left, sizes, _ = np.linalg.svd(centred[:, varied] / spread[varied], full_matrices=False)
    kept = left[:, sizes > sizes.max(initial=0) * 1e-8]
    return np.column_stack([np.full(len(design), len(design) ** -0.5), kept])


def _of_class(
    u: np.ndarray, v: np.ndarray, freedom: int
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """(3, n) contributions and shares, and the scaled residuals, of (n, P) residuals."""
    products, own, other = (np.einsum("np,np->n", *pair) for pair in ((u, v), (u, u), (v, v)))
    shares = own * (len(u) / freedom), other * (len(u) / freedom)
    sizes = own.mean(), other.mean()
    if min(sizes) <= NOTHING:
        undefined = np.full((1, len(u)), np.nan)
        return np.vstack([undefined, *shares]), (u * np.nan, v * np.nan)
    likeness = products / np.sqrt(sizes[0] * sizes[1])
    value = likeness.mean()
    influence = likeness - value - value / 2 * (own / sizes[0] + other / sizes[1] - 2)
    # The jackknife's slope, and what a resample of so few images lacks in spread.
    contributions = value + influence * np.sqrt(len(u) / freedom) * freedom / (freedom - 1)
    scaled = u / np.sqrt(sizes[0]), v / np.sqrt(sizes[1])
    return np.vstack([contributions, *shares]), scaled
