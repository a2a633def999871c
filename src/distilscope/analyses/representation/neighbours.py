"""Mutual nearest neighbours: do two layers find the same images alike? (Huh et al. 2024)

A second opinion beside CKA, which a few directions of large variance can dominate: here every
image counts the same, and only who its nearest are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BLOCK = 1024  # images whose similarities to all others are in memory at once, at most
CELLS = 2**24  # such similarities: 128 MB, and as much for their order, whatever the images
UNDEFINED = -1
TIED = 1e-12  # cosines that differ by less are equal: float32 features know no more


@dataclass(frozen=True)
class MutualNeighbours:
    """Of each of L layers with each of M reference layers, (L, M) each.

    Attributes:
        share: mean over images of the share of the k nearest that both layers have; NaN where no
            image has neighbours in both.
        chance: its mean where neighbours have nothing to do with one another, k / (n - 1); NaN
            where there are no k others.
        n: images that have neighbours in both layers.
    """

    share: np.ndarray
    chance: float
    n: np.ndarray


def nearest(features: np.ndarray, k: int) -> np.ndarray:
    """The k other images whose features have the largest cosine with each image's: (N, k).

    Args:
        features: (N, C). Features that are zero everywhere have no direction: the image has no
            neighbours (`UNDEFINED`) and is nobody's.

    Returns:
        positions in no order. All `UNDEFINED` where fewer than k others have a direction, and for
        an image whose k-th and next nearest are equally near: any choice would be the order of the
        images, which both layers share, so that two collapsed models would seem alike.
    """
    found = np.full((len(features), k), UNDEFINED, np.int64)
    rows = np.asarray(features, np.float64)
    length = np.linalg.norm(rows, axis=1)
    usable = np.flatnonzero(length > 0)
    if len(usable) <= k:
        return found
    units = rows[usable] / length[usable, None]
    block = min(BLOCK, max(1, CELLS // len(units)))
    for start in range(0, len(units), block):
        cosines = units[start : start + block] @ units.T
        own = np.arange(len(cosines))
        cosines[own, start + own] = -np.inf  # the image itself comes last
        order = np.argpartition(cosines, (-k - 1, -k), axis=1)
        last, next_one = (cosines[own, order[:, place]] for place in (-k, -k - 1))
        distinct = last - next_one > TIED
        found[usable[start + own[distinct]]] = usable[order[distinct, -k:]]
    return found


def mutual(
    model: Sequence[np.ndarray], reference: Sequence[np.ndarray], k: int
) -> MutualNeighbours:
    """Mutual neighbours of all layer pairs. Each layer is the features (N, C) of the same images.

    Raises:
        ValueError: layers of different numbers of images.
    """
    lengths = {len(features) for features in (*model, *reference)}
    if len(lengths) != 1:
        raise ValueError(f"all layers need features of the same images; found {sorted(lengths)}")
    images = lengths.pop()
    sides = [[nearest(features, k) for features in layers] for layers in (model, reference)]
    shape = len(model), len(reference)
    share, n = np.full(shape, np.nan), np.zeros(shape, np.int64)
    for i, own in enumerate(sides[0]):
        for j, other in enumerate(sides[1]):
            defined = (own[:, 0] != UNDEFINED) & (other[:, 0] != UNDEFINED)
            n[i, j] = defined.sum()
            if n[i, j]:
                same = own[defined][:, :, None] == other[defined][:, None, :]
                share[i, j] = same.sum() / (k * n[i, j])
    return MutualNeighbours(share, k / (images - 1) if images > k else np.nan, n)
