"""Why a number over parts is undefined, in words that tables and the report show."""

from __future__ import annotations

from collections.abc import Mapping

NO_PART = "no part is visible"
FEW_PARTS = "fewer parts are visible than an order needs"
MODEL_LEVEL = "the model's parts are all equally important"
REFERENCE_LEVEL = "the reference's parts are all equally important"
NOTHING_LEFT = "no part is left outside the top parts"
MODEL_INCOMPLETE = "the completeness gap of the model's map is over the limit or unknown"
REFERENCE_INCOMPLETE = "the completeness gap of the reference's map is over the limit or unknown"
NOT_REMOVED = "the image was not shown without its parts"
DROPS_LEVEL = "to lose any part costs the model the same"
NONE_DECIDES = "no part that decides the class is visible, or no other is"

CONCERNS: Mapping[str, tuple[str, ...]] = {
    FEW_PARTS: ("part_rho", "faithfulness", "faithfulness_areas"),
    MODEL_LEVEL: ("part_rho", "faithfulness"),
    REFERENCE_LEVEL: ("part_rho",),
    NOTHING_LEFT: ("focus_parts", "focus_parts_chance"),
    NOT_REMOVED: ("faithfulness", "faithfulness_areas", "removal_recall"),
    DROPS_LEVEL: ("faithfulness", "faithfulness_areas"),
    NONE_DECIDES: ("deciding_recall", "deciding_recall_chance", "removal_recall"),
}
"""Cause -> the measures that it makes undefined; one that is not here, every measure."""
