"""Settings of `analyses.outputs`."""

from __future__ import annotations

from distilscope.configuration.kinds import Count, Section


class Outputs(Section):
    """Bins of calibration errors."""

    ece_bins: Count = 15
