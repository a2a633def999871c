"""Linear CKA of layers from stored Grams: do two layers order the images alike?

A layer comes as its Grams (batches, b, b) over the same batches of images for all models, each
X X^T of the batch's features minus their batch mean. The three HSIC sums run over the batches
and are divided once (Nguyen et al. 2021): a mean of ratios would depend on the batch size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from distilscope.statistics.arithmetic import quotient

MIN_BATCH = 4
LEVEL = 1e-6  # of the largest value: what rounding in float32 leaves of features that don't vary


@dataclass(frozen=True)
class LayerCka:
    """CKA of each of L layers with each of M reference layers, (L, M) each.

    Attributes:
        debiased: from the unbiased HSIC (Song et al. 2012); about 0 for independent features,
            slightly negative at times.
        biased: from the plain HSIC; for independent features it grows with width / batch size.
        biased_null: its mean over all permutations of one side's images: what width alone gives.
    """

    debiased: np.ndarray
    biased: np.ndarray
    biased_null: np.ndarray


def cka(model: Sequence[np.ndarray], reference: Sequence[np.ndarray]) -> LayerCka:
    """CKA of all layer pairs. Each layer is (batches, b, b); NaN for a layer without variance.

    Raises:
        ValueError: shapes differ, or a batch holds fewer than 4 images.
    """
    shapes = {np.shape(grams) for grams in (*model, *reference)}
    if len(shapes) != 1 or len(next(iter(shapes))) != 3:
        raise ValueError(f"all layers need Grams (batches, b, b) of one shape; found {shapes}")
    batch = next(iter(shapes))[1]
    if batch < MIN_BATCH:
        raise ValueError(f"debiased CKA needs batches of at least {MIN_BATCH}; found {batch}")
    sides = [[np.asarray(grams, np.float64) for grams in layers] for layers in (model, reference)]
    centred = [np.stack([_centre(g).ravel() for g in layers]) for layers in sides]
    u_centred = [np.stack([_u_centre(g).ravel() for g in layers]) for layers in sides]
    traces = [np.stack([_traces(g) for g in layers]) for layers in sides]
    lengths = np.sqrt(_squares(centred[0])[:, None] * _squares(centred[1])[None, :])
    return LayerCka(
        debiased=_ratio(u_centred[0], u_centred[1]),
        biased=_ratio(centred[0], centred[1]),
        biased_null=quotient(traces[0] @ traces[1].T / (batch - 1), lengths),
    )


def level(features: np.ndarray) -> bool:
    """Whether features (N, C) are the same for every image, but for rounding."""
    rows = np.asarray(features, np.float64)
    if not rows.size:
        return True
    return bool(np.ptp(rows, axis=0).max() <= LEVEL * np.abs(rows).max())


def repeated(features: Sequence[np.ndarray]) -> list[int | None]:
    """For each layer the earlier one whose features are the very same, or None."""
    found: list[int | None] = []
    for place, own in enumerate(features):
        same = (p for p in range(place) if found[p] is None and np.array_equal(features[p], own))
        found.append(next(same, None))
    return found


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return quotient(a @ b.T, np.sqrt(_squares(a)[:, None] * _squares(b)[None, :]))


def _squares(a: np.ndarray) -> np.ndarray:
    return np.einsum("ld,ld->l", a, a)


def _centre(grams: np.ndarray) -> np.ndarray:
    """H K H. Stored Grams are centred already, up to the rounding of their float32."""
    rows = grams - grams.mean(axis=2, keepdims=True)
    return rows - rows.mean(axis=1, keepdims=True)


def _traces(grams: np.ndarray) -> np.ndarray:
    """(batches,) traces. tr(K) tr(L) / (b - 1) is the mean of <K, P L P^T> over permutations P."""
    return np.trace(_centre(grams), axis1=1, axis2=2)


def _u_centre(grams: np.ndarray) -> np.ndarray:
    """The U-centred Gram: its products are the unbiased HSIC times b (b - 3)."""
    b = grams.shape[1]
    diagonal = np.arange(b)
    hollow = grams.copy()
    hollow[:, diagonal, diagonal] = 0.0
    means = hollow.sum(axis=2) / (b - 2)
    means -= means.sum(axis=1, keepdims=True) / (2 * (b - 1))
    hollow -= means[:, :, None] + means[:, None, :]
    hollow[:, diagonal, diagonal] = 0.0
    return hollow
