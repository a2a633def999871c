"""What representation adds to a study: the comparison of layers."""

from __future__ import annotations

from distilscope.planning.hooks import Addition, AnalysisPlan
from distilscope.planning.model import Model


class Plan(AnalysisPlan):
    """Comparisons of layers."""

    def compared(self, model: Model, reference: Model) -> Addition | None:
        """Each layer with each; a committee has none."""
        if not (model.layers and reference.layers):
            return None
        return Addition(settings=self.section.model_dump(), files=("layers.parquet",))
