"""Settings of `analyses.alignment`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from distilscope import catalog
from distilscope.configuration.kinds import (
    Count,
    Section,
    Whole,
    number,
    require_layered,
    whole,
)


class Alignment(Section):
    """How maps are compared; docs/measures.md has the definitions."""

    top: Annotated[float, Field(gt=0, lt=1), BeforeValidator(number)] = 0.2
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
