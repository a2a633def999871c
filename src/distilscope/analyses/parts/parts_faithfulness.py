"""Which map to believe: part importances against what happens when the part is taken away.

Where a scene can be drawn again without a part, the fall of the logit is the truth about that part
for that model; a map is faithful as far as it orders the parts alike.
"""

from __future__ import annotations

import numpy as np

from distilscope.statistics.arithmetic import quotient


def logit_drops(logits: np.ndarray, without: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """How far the explained class's logit falls when a part is taken away: float64 (N, P).

    z_c(image) - z_c(image without part p), in logits: positive where the part speaks for the class.

    Args:
        logits: (N, C) of the images.
        without: (N, P, C) of the images without each part, NaN where an image hasn't the part.
        classes: int (N,), the class that the maps explain.

    Raises:
        ValueError: the shapes don't fit together, or a class is none of the C.
    """
    count, number = logits.shape
    if without.ndim != 3 or without.shape[::2] != logits.shape or classes.shape != (count,):
        raise ValueError(
            f"logits {logits.shape}, without parts {without.shape} and classes {classes.shape}: "
            "expected (N, C), (N, P, C) and (N,)"
        )
    if count and not (classes.min() >= 0 and classes.max() < number):
        raise ValueError(f"an explained class is outside 0 to {number - 1}")
    whole = np.take_along_axis(np.asarray(logits, np.float64), classes[:, None], axis=1)
    left = np.take_along_axis(np.asarray(without, np.float64), classes[:, None, None], axis=2)
    return whole - left[:, :, 0]


def deciding_recall(values: np.ndarray, deciding: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many of the parts that really decide the class are among the most important ones.

    With k deciding parts to be seen, the share of them among the k largest values. Where parts tie
    for the last places, what a random choice among them would give on average.

    Args:
        values: (N, P), importances or logit drops, NaN for unseen parts.
        deciding: bool (N, P), the parts that decide the class of the image.

    Returns:
        Recall (N,) in [0, 1] and its chance (N,), k over the number of parts to be seen. NaN where
        no deciding part can be seen, or all parts are deciding.
    """
    known = ~np.isnan(values)
    wanted = deciding & known
    k, seen = wanted.sum(axis=1), known.sum(axis=1)
    usable = (k > 0) & (k < seen)
    filled = np.where(known, values, -np.inf)
    descending = -np.sort(-filled, axis=1)
    last = np.take_along_axis(descending, np.maximum(k - 1, 0)[:, None], axis=1)
    above, tied = (filled > last) & known, (filled == last) & known
    places = k - above.sum(axis=1)
    credit = above + tied * (places / np.maximum(tied.sum(axis=1), 1))[:, None]
    found = (credit * wanted).sum(axis=1)
    return quotient(found, k, usable), quotient(k, seen, usable)
