"""Settings of `analyses.alignment`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from distilscope import catalog
from distilscope.analyses.alignment.shares import USUAL, percent
from distilscope.configuration.kinds import Count, Section, Whole, number, require_layered, whole


def _whole_percent(value: float) -> float:
    """Measures are named by the share in whole per cent."""
    if abs(100 * value - percent(value)) > 1e-9:
        raise ValueError(f"{value:g} is no whole per cent; give one such as 0.05, 0.2 or 0.25")
    return value


Share = Annotated[float, Field(gt=0, lt=1), BeforeValidator(number), AfterValidator(_whole_percent)]


class Alignment(Section):
    """How maps are compared; docs/measures.md has the definitions."""

    top: Share = USUAL
    folds: Annotated[int, Field(ge=2), BeforeValidator(whole)] = 5
    shuffles: Annotated[int, Field(ge=20), BeforeValidator(whole)] = 20
    minimum_class: Count = 10
    seed: Whole = 0
    method: str | None = None
    frame: Annotated[int, Field(ge=2), BeforeValidator(whole)] | None = None

    def check(self, configuration: Any) -> None:
        """The method that stands for all explains layers."""
        able = catalog.at_layers(configuration.observe.methods)
        require_layered("analyses.alignment.method", self.method, able)
