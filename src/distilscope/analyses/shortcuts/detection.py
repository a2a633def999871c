"""Which class of a model stands out: effect against twins, permutation, false discovery rate.

A small student lies below the twins in every class, so a class is judged relative to the model's
other classes. NumPy and SciPy only; docs/measures.md has the definitions in words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from distilscope.statistics.arithmetic import mean, quotient
from distilscope.statistics.paired import benjamini_hochberg

MAD = 1.4826  # makes a median absolute deviation that of a normal distribution
FEW = "fewer images than `minimum`"
NO_SPREAD = "the spread that an effect is measured by is not above 0"


@dataclass(frozen=True)
class Demands:
    """What a class must show to be flagged.

    Attributes:
        minimum: images. effect: relative value over its spread. rate: of false discoveries
            among a model's classes. permutations, seed: of the test.
    """

    minimum: int
    effect: float
    rate: float
    permutations: int
    seed: int


@dataclass(frozen=True)
class Judged:
    """A verdict a class: (C,) each.

    Attributes:
        n: images. value: the class's mean of what is judged. relative: that minus the median of
            the other classes. spread: what an effect of 1 is. effect: positive is suspicious.
        larger: whether it is also larger than the controls': below each twin's own relative value,
            or costlier than the random area.
        p, q: of the permutation test, and adjusted. flagged: all demands are met.
        reason: why a class has no effect, else None.
    """

    n: np.ndarray
    value: np.ndarray
    relative: np.ndarray
    spread: np.ndarray
    effect: np.ndarray
    larger: np.ndarray
    p: np.ndarray
    q: np.ndarray
    flagged: np.ndarray
    reason: tuple[str | None, ...]


def class_means(values: np.ndarray, label: np.ndarray, classes: int) -> np.ndarray:
    """Means (..., C) of (..., n) values by class; NaN for a class without images."""
    member = np.zeros((len(label), classes))
    member[np.arange(len(label)), label] = 1
    return quotient(values @ member, member.sum(axis=0))


def relative(values: np.ndarray) -> np.ndarray:
    """(..., C) minus the median of the other classes; NaN classes are nobody's others."""
    found = _nan(values.shape)
    for c in range(values.shape[-1]):
        others = np.delete(values, c, axis=-1)
        if not np.isnan(others).all():
            found[..., c] = values[..., c] - np.nanmedian(others, axis=-1)
    return found


def judge_alignment(
    student: np.ndarray, twins: np.ndarray, label: np.ndarray, classes: int, demands: Demands
) -> Judged:
    """Classes in which a student is less aligned with its teacher than its other classes suggest.

    The value of a class is student minus the twins' mean, and of a twin that of it minus the mean
    of the other twins. The spread is the larger of the root mean square of the twins' relative
    values (all twins and classes) and of 1.4826 times the median absolute relative value of the
    student's other classes. `larger`: below each twin's relative value in this class. The test
    asks whether student and twins, each without its own median over classes, could be exchanged
    image by image.

    Args:
        student: (n,) alignment with its teacher. twins: (k, n), k >= 2, on the same images; no NaN.
        label: (n,).
    """
    counts = _counted(label, classes, demands)
    scores = np.vstack([student, twins])
    means = class_means(scores, label, classes)
    means[:, ~counts.enough] = np.nan
    others = [[twin for twin in range(1, len(scores)) if twin != row] for row in range(len(scores))]
    value = np.array([means[row] - means[rest].mean(axis=0) for row, rest in enumerate(others)])
    rel = relative(value)
    twin_spread = np.sqrt(mean(rel[1:].ravel() ** 2))
    own_spread = np.array([MAD * _nanmedian(np.abs(np.delete(rel[0], c))) for c in range(classes)])
    spread = np.fmax(own_spread, twin_spread)
    centred = scores - np.nanmedian(value, axis=1)[:, None] if counts.enough.any() else scores
    p = _exchange(centred, label, counts, demands)
    return _judged(counts, value[0], rel[0], spread, -1, rel[0] < rel[1:].min(axis=0), p, demands)


def judge_masking(
    top: np.ndarray,
    centre: np.ndarray,
    random: np.ndarray,
    label: np.ndarray,
    classes: int,
    demands: Demands,
) -> Judged:
    """Classes that hang on where the teacher looks more than on the middle of the image.

    The value of a class is the mean of (drop of the logit for the top area - drop for the centred
    area); the spread is the model's mean drop over the three areas and all classes. `larger`:
    the top area costs more than the random one. The test permutes the classes of the images.

    Args:
        top, centre, random: (n,) drop of the student's logit for each area; no NaN.
        label: (n,).
    """
    counts = _counted(label, classes, demands)
    contrasts = class_means(np.vstack([top - centre, top - random]), label, classes)
    contrasts[:, ~counts.enough] = np.nan
    drops = class_means(np.vstack([top, centre, random]), label, classes)[:, counts.enough]
    scale = float(drops.mean()) if drops.size else np.nan
    spread = np.full(classes, scale if scale > 0 else np.nan)
    p = _relabel(top - centre, label, counts, demands)
    rel = relative(contrasts[0])
    return _judged(counts, contrasts[0], rel, spread, 1, contrasts[1] > 0, p, demands)


@dataclass(frozen=True)
class _Counts:
    n: np.ndarray
    enough: np.ndarray


def _counted(label: np.ndarray, classes: int, demands: Demands) -> _Counts:
    n = np.bincount(label, minlength=classes)
    return _Counts(n, n >= demands.minimum)


def _judged(
    counts: _Counts,
    value: np.ndarray,
    rel: np.ndarray,
    spread: np.ndarray,
    sign: int,
    larger: np.ndarray,
    p: np.ndarray,
    demands: Demands,
) -> Judged:
    effect = quotient(sign * rel, spread)
    q = benjamini_hochberg(np.where(np.isnan(effect), np.nan, p))
    with np.errstate(invalid="ignore"):
        flagged = counts.enough & larger & (effect >= demands.effect) & (q <= demands.rate)
    reason = tuple(
        None if np.isfinite(e) else FEW if not enough else NO_SPREAD
        for e, enough in zip(effect, counts.enough, strict=True)
    )
    return Judged(counts.n, value, rel, spread, effect, larger, p, q, flagged, reason)


# --------------------------------------------------------------------------------------- tests


def _exchange(
    scores: np.ndarray, label: np.ndarray, counts: _Counts, demands: Demands
) -> np.ndarray:
    """One-sided p (C,) of row 0 being below the rest, were rows exchangeable image by image."""
    size = len(scores)
    total = scores.sum(axis=0)
    against_rest = scores - (total - scores) / (size - 1)
    p = _nan(counts.n.shape)
    for c in np.flatnonzero(counts.enough):
        own = against_rest[:, label == c]
        generator = np.random.default_rng([demands.seed, c])
        chosen = generator.integers(0, size, (demands.permutations, own.shape[1]))
        drawn = own[chosen, np.arange(own.shape[1])].sum(axis=1)
        p[c] = _tail(drawn <= own[0].sum() + _slack(own))
    return p


def _relabel(
    values: np.ndarray, label: np.ndarray, counts: _Counts, demands: Demands
) -> np.ndarray:
    """One-sided p (C,) of a class's mean being above the others', were labels random."""
    p = _nan(counts.n.shape)
    if not counts.enough.any():
        return p
    member = np.zeros((len(label), len(counts.n)))
    member[np.arange(len(label)), label] = 1
    generator = np.random.default_rng(demands.seed)
    order = np.argsort(generator.random((demands.permutations, len(values))), axis=1)
    drawn, own = values[order] @ member, values @ member
    for c in np.flatnonzero(counts.enough):
        p[c] = _tail(drawn[:, c] >= own[c] - _slack(values))
    return p


def _tail(as_extreme: np.ndarray) -> float:
    """(1 + hits) / (1 + draws): never 0, since the observed arrangement is one of them."""
    return (1 + int(as_extreme.sum())) / (1 + len(as_extreme))


def _slack(values: np.ndarray) -> float:
    return 1e-12 * float(np.abs(values).sum())


# --------------------------------------------------------------------------------------- rates


@dataclass(frozen=True)
class Rate:
    """A share of decisions with its Wilson interval."""

    hits: int
    n: int
    value: float
    low: float
    high: float


def wilson(hits: int, n: int, level: float = 0.95) -> Rate:
    """hits / n with Wilson's interval (Wilson 1927); NaN where nothing was decided."""
    if n == 0:
        return Rate(0, 0, np.nan, np.nan, np.nan)
    found = stats.binomtest(hits, n).proportion_ci(confidence_level=level, method="wilson")
    return Rate(hits, n, hits / n, float(found.low), float(found.high))


def _nan(shape: tuple[int, ...]) -> np.ndarray:
    return np.full(shape, np.nan)


def _nanmedian(values: np.ndarray) -> float:
    return float(np.nanmedian(values)) if not np.isnan(values).all() else np.nan
