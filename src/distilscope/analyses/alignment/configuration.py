"""Settings of `analyses.alignment`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from distilscope.configuration.kinds import Count, Section, Whole, number, whole


class Alignment(Section):
    """How maps are compared; docs/measures.md has the definitions."""

    top: Annotated[float, Field(gt=0, lt=1), BeforeValidator(number)] = 0.2
    folds: Annotated[int, Field(ge=2), BeforeValidator(whole)] = 5
    shuffles: Annotated[int, Field(ge=20), BeforeValidator(whole)] = 20
    minimum_class: Count = 10
    seed: Whole = 0
