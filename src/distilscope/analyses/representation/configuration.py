"""Settings of `analyses.representation`."""

from __future__ import annotations

from distilscope.configuration.kinds import Count, Strict


class Representation(Strict):
    """How many nearest neighbours of an image are compared."""

    neighbours: Count = 10
