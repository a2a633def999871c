"""What is recorded of every model, how intervals are computed, and what the report shows."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from distilscope import catalog
from distilscope.configuration.kinds import Count, Strict, Whole, number, whole

FEWEST_IN_A_GRAM = 4
"""Images or items: debiased CKA needs as many."""


class Subset(Strict):
    """The fixed stratified part of a probe that costly explanation methods run on."""

    images: Count = 200
    seed: Whole = 0


class Observe(Strict):
    """What is recorded of every model.

    Integrated gradients take `ig_steps` points, and twice as many as often as needed up to
    `ig_maximum_steps` where they do not add up to the change of the logit within 5 %. `latency`
    are the batches whose forward pass is timed.
    """

    methods: list[str] = Field(default=["gradcam", "saliency", "integrated-gradients"])
    subset: Subset = Subset()
    ig_steps: Annotated[int, Field(ge=2), BeforeValidator(whole)] = 32
    ig_maximum_steps: Annotated[int, Field(ge=2), BeforeValidator(whole)] | None = None
    gram_batch: Annotated[int, Field(ge=FEWEST_IN_A_GRAM), BeforeValidator(whole)] = 200
    reductions: list[Literal["gap", "flatten"]] = Field(default=["gap"], min_length=1)
    latency: list[Count] = Field(default=list(catalog.LATENCY_BATCHES))

    @field_validator("methods")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        for name in value:
            catalog.lookup(catalog.METHODS, name, "explanation method")
        return value


class Statistics(Strict):
    """Intervals over images; docs/measures.md has the definitions."""

    bootstrap: Annotated[int, Field(ge=100), BeforeValidator(whole)] = 1000
    level: Annotated[float, Field(gt=0.5, lt=1), BeforeValidator(number)] = 0.95
    seed: Whole = 0


class Report(Strict):
    """What the report shows."""

    divergent: Annotated[int, Field(ge=1, le=100), BeforeValidator(whole)] = 12
    explorer: Annotated[int, Field(ge=0, le=2000), BeforeValidator(whole)] = 200
