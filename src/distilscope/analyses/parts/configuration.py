"""Parts or regions of the test images, and what is measured on them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from distilscope import catalog
from distilscope.analyses.parts.importances import importance
from distilscope.analyses.parts.sources import PART_SOURCES
from distilscope.configuration.kinds import Count, Positive, Section, Strict, Whole, whole


class Headline(Strict):
    """Which map and which importance stand for a measure over parts in claims and figures."""

    method: str = "integrated-gradients"
    variant: str = "mass_absolute"


class Parts(Section):
    """Where the parts come from and how they are measured; docs/parts.md has the definitions.

    `settings` are those of the source. `removal` also shows every model the images of
    `observe.subset` without each part.
    """

    source: str
    settings: dict[str, Any] = {}
    variants: list[str] = Field(
        default=["mass_absolute", "density_absolute", "sum_signed"], min_length=1
    )
    headline: Headline = Headline()
    top: Count = 5
    minimum_parts: Annotated[int, Field(ge=2), BeforeValidator(whole)] = 3
    tolerated_gap: Positive = 0.05
    removal: bool = True
    shuffles: Annotated[int, Field(ge=20), BeforeValidator(whole)] = 20
    seed: Whole = 0

    @field_validator("variants")
    @classmethod
    def _known(cls, value: list[str]) -> list[str]:
        for name in value:
            importance(name)
        return list(dict.fromkeys(value))

    @model_validator(mode="after")
    def _complete(self) -> Parts:
        source = catalog.lookup(PART_SOURCES, self.source, "source of parts")
        for name, value in self.settings.items():
            catalog.lookup(source.settings, name, f"setting of {self.source}")
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 255:
                raise ValueError(
                    f"settings.{name} is {value!r}, expected a whole number from 0 to 255"
                )
        if self.headline.variant not in self.variants:
            raise ValueError(
                f"headline.variant {self.headline.variant!r} is none of `variants`: "
                + ", ".join(self.variants)
            )
        return self

    def check(self, configuration: Any) -> None:
        """The data know their parts where the source needs that, and the headline is observed."""
        known = [name for name, entry in catalog.DATASETS.items() if entry.parted]
        data, methods = configuration.data.name, configuration.observe.methods
        if PART_SOURCES[self.source].parted and data not in known:
            raise ValueError(
                f"analyses.parts.source: {self.source!r} needs a data set that knows its parts "
                f"({', '.join(known)}); {data!r} does not"
            )
        if self.headline.method not in methods:
            raise ValueError(
                f"analyses.parts.headline.method {self.headline.method!r} is none of "
                f"`observe.methods`: {', '.join(methods)}"
            )

    @property
    def resolved(self) -> dict[str, int]:
        """The settings of the source with its defaults."""
        return {**PART_SOURCES[self.source].settings, **self.settings}
