"""Why a number of a pair of maps is undefined, in words that tables and the report show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

NO_MAP = "no map of that class is stored"
MODEL_DEAD = "the model's map is zero everywhere"
REFERENCE_DEAD = "the reference's map is zero everywhere"
MODEL_CONSTANT = "the model's map is constant"
REFERENCE_CONSTANT = "the reference's map is constant"
MODEL_CELL = "the model's map has one cell (a 1x1 grid) and points nowhere"
REFERENCE_CELL = "the reference's map has one cell (a 1x1 grid) and points nowhere"
FEW_IN_CLASS = "the class mean rests on too few images"
NOTHING_OWN = "nothing is left beside the class mean"
FEW_IN_SUBSET = "too few images of the class in the subset"
NOTHING_VARIES = "the maps of the class do not vary"
FEW_FOR_PLACE = "too few images of the class to take the object's place out"
NO_OBJECT = "where the object is in the image is not known"
DEGENERATE = "a map is constant (left out, as published)"
NOT_BOTH_IN_SUBSET = "no other image of the class in the subset has a score"
NO_OTHER_CLASS = "no image of another class in the subset has a score"

CONCERNS: Mapping[str, tuple[str, ...]] = {
    FEW_IN_CLASS: ("image_specific_rho_unit",),
    NOTHING_OWN: ("image_specific_rho_unit",),
    FEW_IN_SUBSET: (
        *("image_specific_rho", "partial_image_specific_rho"),
        *("image_specific_share", "reference_image_specific_share"),
    ),
    NOTHING_VARIES: ("image_specific_rho", "partial_image_specific_rho"),
    FEW_FOR_PLACE: ("partial_image_specific_rho",),
    NO_OBJECT: ("partial_image_specific_rho",),
    DEGENERATE: ("published_rho", "published_iou"),
}
"""Cause -> the measures that it makes undefined; one that is not here, every measure."""


def sparse_at(share: float) -> str:
    """The cause of an undefined top set."""
    return f"fewer positive pixels than the top {100 * share:g} % holds"


def tied_at(share: float) -> str:
    """The cause of a top set that only the order of equal pixels would make up."""
    return f"more pixels share the largest value than the top {100 * share:g} % holds"


def reasons_of(flags: Mapping[str, np.ndarray]) -> np.ndarray:
    """For each image the causes that hold, joined by "; ", or None: (N,) objects.

    Args:
        flags: cause -> (N,) bool, fewer than 63 causes.
    """
    causes = list(flags)
    mask = sum(flags[cause].astype(np.int64) << place for place, cause in enumerate(causes))
    distinct, where = np.unique(mask, return_inverse=True)
    words = [
        "; ".join(cause for place, cause in enumerate(causes) if value >> place & 1) or None
        for value in distinct.tolist()
    ]
    return np.array(words, dtype=object)[where]


def summarise(
    reasons: Sequence[str | None],
    measure: str,
    known: Mapping[str, tuple[str, ...]] = CONCERNS,
) -> str | None:
    """One sentence for the images on which `measure` is undefined: causes with their counts.

    Args:
        reasons: what `reasons_of` gave for these images. known: as `CONCERNS`.
    """
    if len(reasons) == 0:
        return None
    counts = Counter("" if reason is None or reason != reason else reason for reason in reasons)
    totals: dict[str, int] = {}
    for text, count in counts.items():
        for cause in [c for c in text.split("; ") if c and concerns(c, measure, known)]:
            totals[cause] = totals.get(cause, 0) + count
    if not totals:
        alone = NO_OTHER_CLASS if measure.startswith("null_other_") else NOT_BOTH_IN_SUBSET
        return f"{len(reasons)} undefined: {alone}"
    ordered = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    return f"{len(reasons)} undefined: " + "; ".join(f"{cause} ({n})" for cause, n in ordered)


def concerns(cause: str, measure: str, known: Mapping[str, tuple[str, ...]] = CONCERNS) -> bool:
    """Whether a cause makes that measure undefined; a null is undefined as its measure is."""
    base = measure
    for prefix in ("null_own_", "null_other_", "null_", "own_", "all_"):
        base = base.removeprefix(prefix)
    if " than the top " in cause:
        share = cause.split("top ")[1].split(" %")[0]
        return base in (f"iou{float(share):02.0f}", f"mass_lift{float(share):02.0f}")
    return base in known.get(cause, (base,))
