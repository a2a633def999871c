"""All measures of two models' maps over the parts of the same images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from distilscope.analyses.alignment.undefined import MODEL_DEAD, REFERENCE_DEAD, reasons_of
from distilscope.analyses.parts import undefined
from distilscope.analyses.parts.importances import importance
from distilscope.analyses.parts.parts import MINIMUM_PARTS, PartSums, level, part_rho
from distilscope.analyses.parts.parts_focus import EXTENTS, TOP, focus, top_parts
from distilscope.observing.completeness import TOLERATED_GAP


@dataclass(frozen=True)
class PartRules:
    """How a pair of models is measured on parts.

    Attributes:
        variant: of the importances; of its mass is the focus too (`sum_signed` takes absolute).
        top: parts in the reference's top set.
        minimum_parts: parts that an image needs for a correlation.
        tolerated_gap: the largest completeness gap of integrated gradients; larger is NaN.
    """

    variant: str = "mass_absolute"
    top: int = TOP
    minimum_parts: int = MINIMUM_PARTS
    tolerated_gap: float = TOLERATED_GAP

    @property
    def mass(self) -> str:
        """Which mass the focus is of: `absolute` or `positive`."""
        return "positive" if importance(self.variant).of == "positive" else "absolute"


def complete(gap: np.ndarray, most: float) -> np.ndarray:
    """bool (N,): |sum of the map - (F(x) - F(x0))| / |F(x) - F(x0)|, as integrated gradients store
    it in `completeness_gap`, is known and no more than `most`."""
    with np.errstate(invalid="ignore"):
        return np.asarray(gap, np.float64) <= most


def measure_parts(
    model: PartSums,
    reference: PartSums,
    rules: PartRules,
    *,
    gap: np.ndarray | None = None,
    reference_gap: np.ndarray | None = None,
    other_flags: Mapping[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Measure -> (N,) of the same images, NaN where undefined, and `reason` (N,) objects.

    `part_rho`, `focus` and `focus_chance` (of the image), `focus_parts` and `focus_parts_chance`
    (of the parts alone), `focus_odds`.

    Args:
        model, reference: on the same part maps.
        gap, reference_gap: (N,) `completeness_gap` of integrated gradients, else None.
        other_flags: causes -> (N,) bool of measures beside these, for the reasons.

    Raises:
        ValueError: the sums are of other part maps.
        UnknownName: there is no such variant.
    """
    if not np.array_equal(model.area, reference.area):
        raise ValueError("model and reference were summed over different part maps")
    of = rules.mass
    first, second = (sums.importance(rules.variant) for sums in (model, reference))
    seen = model.visible.sum(axis=1)
    dead, reference_dead = model.dead(of), reference.dead(of)
    skipped = {
        undefined.MODEL_INCOMPLETE: _incomplete(gap, len(seen), rules),
        undefined.REFERENCE_INCOMPLETE: _incomplete(reference_gap, len(seen), rules),
    }
    usable = ~(dead | reference_dead | np.logical_or.reduce(list(skipped.values())))
    top = top_parts(second, rules.top)
    of_image, of_parts = (focus(model, top, of=of, within=extent) for extent in EXTENTS)
    found = {
        "part_rho": part_rho(first, second, rules.minimum_parts),
        "focus": of_image.share,
        "focus_chance": of_image.chance,
        "focus_odds": of_image.odds,
        "focus_parts": of_parts.share,
        "focus_parts_chance": of_parts.chance,
    }
    flags = {
        undefined.NO_PART: seen == 0,
        undefined.FEW_PARTS: (seen > 0) & (seen < rules.minimum_parts),
        MODEL_DEAD: dead,
        REFERENCE_DEAD: reference_dead,
        **skipped,
        undefined.MODEL_LEVEL: level(first) & (seen >= rules.minimum_parts),
        undefined.REFERENCE_LEVEL: level(second) & (seen >= rules.minimum_parts),
        undefined.NOTHING_LEFT: (seen > 0) & (seen <= rules.top),
        **(other_flags or {}),
    }
    kept = {name: np.where(usable, values, np.nan) for name, values in found.items()}
    return {**kept, "reason": reasons_of(flags)}


def _incomplete(gap: np.ndarray | None, images: int, rules: PartRules) -> np.ndarray:
    """(N,) bool; no map is incomplete that has no gap at all."""
    return np.zeros(images, bool) if gap is None else ~complete(gap, rules.tolerated_gap)
