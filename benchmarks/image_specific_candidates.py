"""The candidates for image-specific rho, and for what is left of it without the object's place."""

from __future__ import annotations

import itertools

import numpy as np

from distilscope.analyses.alignment import image_specific, image_specific_unit, maps, objects

FOLDS = 5
BOX = 14


def cross_fitted(ranks: np.ndarray, classes: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """(N, P) ranks less the class mean of the other folds."""
    fold = image_specific_unit.fold_of(np.arange(len(ranks)), FOLDS, 0)
    return image_specific_unit.class_mean_residuals(ranks, classes, fold, usable, 1)


def influence(products: np.ndarray, own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(N,) contributions whose mean is sum products / sqrt(sum own sum other), NaN left out."""
    sizes = np.nanmean(own), np.nanmean(other)
    likeness = products / np.sqrt(sizes[0] * sizes[1])
    return likeness - np.nanmean(likeness) / 2 * (own / sizes[0] + other / sizes[1] - 2)


def products_of(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """<u, v>, |u|^2, |v|^2 by row."""
    return tuple(np.einsum("np,np->n", *pair) for pair in ((u, v), (u, u), (v, v)))


def other_means(u: np.ndarray, v: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """(N,) mean over the other images j of the class of <u_i, v_j>."""
    found = np.full(len(u), np.nan)
    for number in np.unique(classes):
        rows = np.flatnonzero((classes == number) & ~np.isnan(u[:, 0]) & ~np.isnan(v[:, 0]))
        if len(rows) > 1:
            both = u[rows] @ v[rows].T
            found[rows] = (both.sum(axis=1) - np.diag(both)) / (len(rows) - 1)
    return found


def partial(a: np.ndarray, b: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """(N,) correlations by image given both models' mean maps of the class, of unit rank maps."""
    found = np.full(len(a), np.nan)
    for number in np.unique(classes):
        rows = np.flatnonzero((classes == number) & ~np.isnan(a[:, 0]) & ~np.isnan(b[:, 0]))
        if len(rows) > 1:
            basis, _ = np.linalg.qr(np.column_stack([a[rows].mean(axis=0), b[rows].mean(axis=0)]))
            left = [maps.unit_rows(side[rows] - side[rows] @ basis @ basis.T) for side in (a, b)]
            found[rows] = np.einsum("np,np->n", *left)
    return found


def candidates(a: np.ndarray, b: np.ndarray, classes: np.ndarray) -> dict[str, np.ndarray]:
    """Name -> (N,) contributions, of which the mean is the candidate's value; NaN if undefined."""
    ranks = maps.average_ranks(a), maps.average_ranks(b)
    units = maps.unit_rows(ranks[0]), maps.unit_rows(ranks[1])
    usable = ~np.isnan(units[0][:, 0]) & ~np.isnan(units[1][:, 0])
    u, v = (cross_fitted(side, classes, usable) for side in ranks)
    uu, vv = maps.unit_rows(u), maps.unit_rows(v)
    unit = np.einsum("np,np->n", uu, vv)
    chosen = image_specific.of_unit_ranks(*units, classes)
    raw = np.einsum("np,np->n", *units)
    centred = [np.where(usable[:, None], side - side.mean(axis=1)[:, None], 0) for side in ranks]
    for side, number in itertools.product(centred, np.unique(classes)):
        rows = usable & (classes == number)
        if rows.any():
            side[rows] -= side[rows].mean(axis=0)
    gone = np.where(usable, 1.0, np.nan)
    # Of the difference every image is in one matched pair and in two of each mismatched mean.
    mismatched = (other_means(*units, classes) + other_means(*units[::-1], classes)) / 2
    return {
        "raw": raw,
        "partial": partial(*units, classes),
        "unit": unit,
        "unit less null": unit - other_means(uu, vv, classes),
        "pooled": influence(*products_of(u, v)),
        "centred ranks": influence(*(gone * p for p in products_of(*centred))),
        "centred": chosen.contributions,
        "difference": raw - mismatched,
    }


def seconds(a: np.ndarray, b: np.ndarray, masks: np.ndarray) -> dict[str, float]:
    """Name -> value of each candidate for the second number, of maps (n, 28, 28) of one class."""
    one = np.zeros(len(a), int)
    place = objects.place_and_extent(masks)
    squares = objects.with_products(place)
    cut = [_boxes(side, masks) for side in (a, b)]
    return {
        "image-specific": image_specific.image_specific_rho(a, b, one).value,
        "linear": image_specific.image_specific_rho(a, b, one, place).value,
        "quadratic": image_specific.image_specific_rho(a, b, one, squares).value,
        "box": image_specific.image_specific_rho(*cut, one).value,
        "box + quadratic": image_specific.image_specific_rho(*cut, one, squares).value,
    }


def _boxes(side: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """(n, 14, 14) maps cut to the masks' boxes."""
    found = []
    for own, mask in zip(side, masks, strict=True):
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        cut = own[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        found.append(maps.upsample(cut[None], BOX)[0])
    return np.array(found)
