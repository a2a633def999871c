"""What dark knowledge adds to a study: every model is also observed on what it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distilscope.analyses.dark_knowledge.configuration import DarkKnowledge
from distilscope.planning.hooks import Addition, AnalysisPlan

OBSERVES = "distilscope.analyses.dark_knowledge.observe:observer"
OF_TUNING = ("arms", "largest-teacher", "rung-accuracy")
"""Tables and figures that need settings to choose from."""


class Plan(AnalysisPlan):
    """Logits of the training images, without augmentation."""

    section: DarkKnowledge

    def observed(self) -> Addition:
        """The training images as a probe of their own."""
        return Addition(modules=(OBSERVES,), files=("train/logits.parquet",))

    def drawn(self) -> Mapping[str, Any]:
        """The shared temperature, and the budget of the arms."""
        return self.section.model_dump(include={"shared", "tuning"})

    def tables(self) -> list[str]:
        """Arms are compared where they were tuned."""
        return self._where_tuned(super().tables())

    def figures(self) -> list[str]:
        """The same of figures."""
        return self._where_tuned(super().figures())

    def _where_tuned(self, names: list[str]) -> list[str]:
        return [name for name in names if self.section.tuning or name not in OF_TUNING]
