"""Settings of `analyses.representation`."""

from __future__ import annotations

from distilscope.configuration.kinds import Count, Section


class Representation(Section):
    """How many nearest neighbours of an image are compared."""

    neighbours: Count = 10
