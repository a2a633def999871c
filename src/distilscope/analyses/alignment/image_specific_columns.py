"""Image-specific rho of a pair of models, by image, within each subset of the images.

The class means that are taken away are those of the very images that a number is about, so that
each subset has columns of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from distilscope.analyses.alignment import image_specific, nulls, undefined

PRIMARY = "image_specific_rho"
OF_AN_IMAGE = "image_specific_rho_unit"
"""The primary measure of one image: its pooled form is a ratio of sums over images."""
PARTIAL = "partial_image_specific_rho"
SHARES = ("image_specific_share", "reference_image_specific_share")
MEASURES = (PRIMARY, PARTIAL, *SHARES)
PREFIXES: Mapping[str, str] = {"common": "", "both-correct": "own_", "all": "all_"}
NULLS: Mapping[str, str] = {"common": "null", "both-correct": "null_own"}


def column(measure: str, subset: str) -> str:
    """The column of a measure within a subset."""
    return f"{PREFIXES[subset]}{measure}" if measure in MEASURES else measure


def is_of_subset(name: str) -> bool:
    """Whether a column is the one of another subset than the common images."""
    prefixes = [prefix for prefix in PREFIXES.values() if prefix]
    return any(name == f"{prefix}{measure}" for prefix in prefixes for measure in MEASURES)


def within_subsets(
    units: tuple[np.ndarray, np.ndarray],
    groups: np.ndarray,
    members: Mapping[str, np.ndarray],
    covariates: np.ndarray | None,
    minimum: int,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, nulls.Score]]:
    """Columns (N,), flags: cause -> (N,) bool, and by subset the score of any two images.

    Args:
        units: (N, P) unit rank maps of model and reference.
        groups: (N,) images of one group can stand in for each other.
        members: subset -> (N,) bool. covariates: (N, K) place and extent of the object, NaN where
            they are not known, or None.
        minimum: the least images of a group.
    """
    columns: dict[str, np.ndarray] = {}
    flags = {
        cause: np.zeros(len(groups), bool)
        for cause in (undefined.FEW_IN_SUBSET, undefined.NOTHING_VARIES, undefined.FEW_FOR_PLACE)
    }
    known = np.zeros(len(groups), bool)
    if covariates is not None:
        known = ~np.isnan(covariates).any(axis=1)
    scores = {}
    for subset, member in members.items():
        rows = np.flatnonzero(member)
        sides = tuple(side[rows] for side in units)
        own = image_specific.of_unit_ranks(*sides, groups[rows], None, minimum)
        partial = np.full(len(rows), np.nan)
        if known[rows].any():
            rest = image_specific.of_unit_ranks(*sides, groups[rows], covariates[rows], minimum)
            partial = rest.contributions
            flags[undefined.FEW_FOR_PLACE][rows] |= rest.few & ~own.few
        values = (own.contributions, partial, own.share, own.reference_share)
        for measure, value in zip(MEASURES, values, strict=True):
            columns[column(measure, subset)] = _spread(value, rows, len(groups))
        flags[undefined.FEW_IN_SUBSET][rows] |= own.few
        flags[undefined.NOTHING_VARIES][rows] |= np.isnan(own.contributions) & ~np.isnan(own.share)
        if subset in NULLS:
            left = own.residuals, own.reference_residuals
            scores[subset] = nulls.of_units(*(_spread(r, rows, len(groups)) for r in left))
    flags[undefined.NO_OBJECT] = ~known
    return columns, flags, scores


def _spread(part: np.ndarray, rows: np.ndarray, images: int) -> np.ndarray:
    spread = np.full((images, *part.shape[1:]), np.nan, part.dtype)
    spread[rows] = part
    return spread
