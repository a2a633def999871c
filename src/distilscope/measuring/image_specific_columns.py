"""Image-specific rho of a pair of models, by image, within each subset of the images.

The class means that are taken away are those of the very images that a number is about, so that
each subset has columns of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from distilscope.measuring import causes, image_specific
from distilscope.measuring.image_specific import ImageSpecific

PRIMARY = "image_specific_rho"
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
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, ImageSpecific]]:
    """Columns (N,), flags: cause -> (N,) bool, and what was found by subset.

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
        for cause in (causes.FEW_IN_SUBSET, causes.NOTHING_VARIES, causes.FEW_FOR_PLACE)
    }
    known = np.zeros(len(groups), bool)
    if covariates is not None:
        known = ~np.isnan(covariates).any(axis=1)
    found = {}
    for subset, member in members.items():
        own = _of_member(units, groups, member, None, minimum)
        rest = own
        if known.any():
            rest = _of_member(units, groups, member & known, covariates, minimum)
            flags[causes.FEW_FOR_PLACE] |= rest.few & ~own.few
        found[subset] = own
        undefined = np.full(len(groups), np.nan)
        values = (own.contributions, rest.contributions if known.any() else undefined)
        for measure, value in zip(MEASURES, (*values, own.share, own.reference_share), strict=True):
            columns[column(measure, subset)] = value
        flags[causes.FEW_IN_SUBSET] |= own.few
        flags[causes.NOTHING_VARIES] |= np.isnan(own.contributions) & ~np.isnan(own.share)
    flags[causes.NO_OBJECT] = ~known
    return columns, flags, found


def _of_member(
    units: tuple[np.ndarray, np.ndarray],
    groups: np.ndarray,
    member: np.ndarray,
    covariates: np.ndarray | None,
    minimum: int,
) -> ImageSpecific:
    """Of the images of a subset, spread over all (N,)."""
    rows = np.flatnonzero(member)
    own = image_specific.of_unit_ranks(
        *(side[rows] for side in units),
        groups[rows],
        None if covariates is None else covariates[rows],
        minimum,
    )
    return ImageSpecific(**{name: _spread(part, rows, member) for name, part in vars(own).items()})


def _spread(part: np.ndarray, rows: np.ndarray, member: np.ndarray) -> np.ndarray:
    empty = False if part.dtype == bool else np.nan
    spread = np.full((len(member), *part.shape[1:]), empty, part.dtype)
    spread[rows] = part
    return spread
