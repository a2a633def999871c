"""Settings of `analyses.sweeps`."""

from __future__ import annotations

from distilscope.configuration.kinds import Strict


class Sweeps(Strict):
    """There is nothing to set."""
