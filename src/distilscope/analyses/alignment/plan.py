"""What alignment adds to a study: how maps are compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distilscope import catalog
from distilscope.analyses.alignment.shares import IOU_CURVE, USUAL
from distilscope.planning.hooks import Addition, AnalysisPlan
from distilscope.planning.model import Model

RESOLUTIONS = ("native", "input")
EXPLAINED = ("reference", "own", "label")


class Plan(AnalysisPlan):
    """Comparisons of maps."""

    def compared(self, model: Model, reference: Model) -> Addition:
        """How pairs of maps are measured."""
        settings = {
            "curve": list(IOU_CURVE),
            "resolutions": list(RESOLUTIONS),
            "explained": list(EXPLAINED),
            "object": self._object(),
            **self._rules(),
        }
        return Addition(settings=settings, files=("images.parquet",))

    def tabulated(self) -> Addition:
        """The same rules, how many images the explorer and a figure show, and the headline."""
        report = self.study.configuration.report
        shown = max(report.divergent, report.explorer)
        settings = {"curve": list(IOU_CURVE), "divergent": shown, **self._rules()}
        return Addition(settings={**settings, **self.drawn()})

    def drawn(self) -> Mapping[str, Any]:
        """The method whose maps stand for all: that of the configuration, or the first that
        explains layers; and the share of the headline set, where that is not the usual one.
        """
        layered = catalog.at_layers(self.study.configuration.observe.methods)
        found = {"method": self.section.method or next(iter(layered), None)}
        return found if self.section.top == USUAL else {**found, "top": self.section.top}

    def _rules(self) -> dict[str, Any]:
        """How maps are measured; what is unset is no setting."""
        return self.section.model_dump(exclude={"method"}, exclude_none=True)

    def _object(self) -> str | None:
        """How the pixels of an image's object are known (`objects.KINDS`); None: they aren't.

        Masks of another analysis come before the ground of the data set.
        """
        for plan in self.study.plans.values():
            if plan.object_masks:
                return plan.object_masks
        known = catalog.DATASETS[self.study.configuration.data.name].black_ground
        return "foreground" if known else None
