"""How chance is drawn where nobody can work it out."""

from __future__ import annotations

from distilscope.configuration.kinds import Count, Section, Whole


class Reasoning(Section):
    """Do distilled language models reason like their teacher?

    Attributes:
        shuffles: how often traces are set beside those of other items of their task.
        seed: of these shuffles.
    """

    shuffles: Count = 10
    seed: Whole = 0
