"""All measures of two models' maps over the parts of the same images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from distilscope import catalog
from distilscope.measuring import causes
from distilscope.measuring.parts import LEAST_PARTS, VARIANTS, PartSums, level, part_rho
from distilscope.measuring.parts_focus import EXTENTS, TOP, focus, top_parts

TOLERATED_GAP = 0.05

NO_PART = "no part is visible"
FEW_PARTS = "fewer parts are visible than an order needs"
MODEL_LEVEL = "the model's parts are all equally important"
REFERENCE_LEVEL = "the reference's parts are all equally important"
NOTHING_LEFT = "no part is left outside the top parts"
MODEL_INCOMPLETE = "the completeness gap of the model's map is over the limit or unknown"
REFERENCE_INCOMPLETE = "the completeness gap of the reference's map is over the limit or unknown"

CONCERNS: Mapping[str, tuple[str, ...]] = {
    FEW_PARTS: ("part_rho",),
    MODEL_LEVEL: ("part_rho",),
    REFERENCE_LEVEL: ("part_rho",),
    NOTHING_LEFT: ("focus_parts", "focus_parts_chance"),
}
"""Cause -> the measures that it makes undefined; a cause that is not here concerns all."""


@dataclass(frozen=True)
class PartRules:
    """How a pair of models is measured on parts.

    Attributes:
        variant: of the importances; of its mass is the focus too (`sum_signed` takes absolute).
        top: parts in the reference's top set.
        least: parts that an image needs for a correlation.
        most_gap: the largest completeness gap of integrated gradients; larger is NaN.
    """

    variant: str = "mass_absolute"
    top: int = TOP
    least: int = LEAST_PARTS
    most_gap: float = TOLERATED_GAP


def complete(gap: np.ndarray, most: float = TOLERATED_GAP) -> np.ndarray:
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
) -> dict[str, np.ndarray]:
    """Measure -> (N,) of the same images, NaN where undefined, and `reason` (N,) objects.

    `part_rho`, `focus` and `focus_chance` (of the image), `focus_parts` and `focus_parts_chance`
    (of the parts alone), `focus_odds`.

    Args:
        model, reference: on the same part maps.
        gap, reference_gap: (N,) `completeness_gap` of integrated gradients, else None.

    Raises:
        ValueError: the sums are of other part maps.
        UnknownName: there is no such variant.
    """
    if not np.array_equal(model.area, reference.area):
        raise ValueError("model and reference were summed over different part maps")
    variant = catalog.lookup(VARIANTS, rules.variant, "part importance")
    of = "positive" if variant.of == "positive" else "absolute"
    first, second = (sums.importance(rules.variant) for sums in (model, reference))
    seen = model.visible.sum(axis=1)
    dead, reference_dead = model.dead(of), reference.dead(of)
    whole, skipped = np.ones(len(seen), bool), {}
    for cause, each in ((MODEL_INCOMPLETE, gap), (REFERENCE_INCOMPLETE, reference_gap)):
        skipped[cause] = ~(whole if each is None else complete(each, rules.most_gap))
    usable = ~(dead | reference_dead | skipped[MODEL_INCOMPLETE] | skipped[REFERENCE_INCOMPLETE])
    top = top_parts(second, rules.top)
    of_image, of_parts = (focus(model, top, of=of, within=extent) for extent in EXTENTS)
    found = {
        "part_rho": part_rho(first, second, rules.least),
        "focus": of_image.share,
        "focus_chance": of_image.chance,
        "focus_odds": of_image.odds,
        "focus_parts": of_parts.share,
        "focus_parts_chance": of_parts.chance,
    }
    flags = {
        NO_PART: seen == 0,
        FEW_PARTS: (seen > 0) & (seen < rules.least),
        causes.MODEL_DEAD: dead,
        causes.REFERENCE_DEAD: reference_dead,
        **skipped,
        MODEL_LEVEL: level(first) & (seen >= rules.least),
        REFERENCE_LEVEL: level(second) & (seen >= rules.least),
        NOTHING_LEFT: (seen > 0) & (seen <= rules.top),
    }
    kept = {name: np.where(usable, values, np.nan) for name, values in found.items()}
    return {**kept, "reason": causes.spell(flags)}
