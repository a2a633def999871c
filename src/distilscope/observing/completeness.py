"""The relative gap to completeness of maps whose sum is known: what is tolerated, counts of it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

LOG = logging.getLogger("distilscope")

TOLERATED_GAP = 0.05
"""A map with a larger `completeness_gap` is incomplete: it is explained again with more points,
where that is allowed, and is left out of measures over parts."""


def gap_facts(gaps: np.ndarray) -> dict[str, Any]:
    """Counts and quantiles of the relative gaps; quantiles are over the defined ones."""
    import numpy as np  # here, because methods are read by the plan, which has no NumPy

    defined = gaps[np.isfinite(gaps)].astype(np.float64)
    levels = (50, 90, 95, 99, 100) if len(defined) else ()
    return {
        "undefined": len(gaps) - len(defined),
        "above_5_percent": int((defined > TOLERATED_GAP).sum()),
        "of": len(gaps),
        **{f"q{level}": float(np.quantile(defined, level / 100)) for level in levels},
    }


def warn_of_gaps(facts: dict[str, Any], slug: str, probe: str, method: str) -> None:
    """Say that maps miss completeness by too much, where any do."""
    if facts["above_5_percent"] or facts["undefined"]:
        LOG.warning(
            "%s: %s: %s: %d of %d maps miss completeness by more than %.0f %% of F(x) - F(x0), "
            "%d are undefined since F(x) and F(x0) are equal; more `ig_steps` may help, or "
            "`ig_maximum_steps`",
            slug, probe, method, facts["above_5_percent"], facts["of"], 100 * TOLERATED_GAP,
            facts["undefined"],
        )  # fmt: skip
