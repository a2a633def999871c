"""Image-specific rho as docs/measures.md defines it: all pairs, and no code of ours."""

import numpy as np
from scipy import stats


def spearman_of_all_pairs(a, b):
    """(n, n): Spearman's rho of row i of `a` and row j of `b`."""
    ranks = [stats.rankdata(side, axis=1) for side in (a, b)]
    units = []
    for side in ranks:
        centred = side - side.mean(axis=1, keepdims=True)
        units.append(centred / np.sqrt((centred**2).sum(axis=1, keepdims=True)))
    return units[0] @ units[1].T


def mean_apart(rho):
    """The mean over pairs of different images."""
    n = len(rho)
    return (rho.sum() - np.trace(rho)) / (n * (n - 1))


def by_hand(maps_a, maps_b, classes, minimum=3):
    """The measure, {class: (value, share, other share)} and the number of images."""
    a, b = (np.reshape(side, (len(side), -1)) for side in (maps_a, maps_b))
    usable = (a.max(1) > a.min(1)) & (b.max(1) > b.min(1))
    of_class, images = {}, {}
    for c in np.unique(classes[usable]):
        rows = usable & (classes == c)
        if rows.sum() < minimum:
            continue
        ab, aa, bb = (spearman_of_all_pairs(x[rows], y[rows]) for x, y in ((a, b), (a, a), (b, b)))
        shares = 1 - mean_apart(aa), 1 - mean_apart(bb)
        above = np.trace(ab) / len(ab) - mean_apart(ab)
        of_class[c] = (above / np.sqrt(shares[0] * shares[1]), *shares)
        images[c] = rows.sum()
    n = sum(images.values())
    return sum(images[c] * of_class[c][0] for c in images) / n, of_class, n
