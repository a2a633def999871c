"""Settings of `analyses.sweeps`."""

from __future__ import annotations

from distilscope.configuration.kinds import Section


class Sweeps(Section):
    """There is nothing to set."""
