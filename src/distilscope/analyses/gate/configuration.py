"""Settings of `analyses.gate`."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from distilscope import registry
from distilscope.analyses.gate import requirements
from distilscope.configuration.kinds import Section


class Gate(Section):
    """What models must reach with the whole of their interval: see `analyses.gate.requirements`."""

    require: list[str] = Field(min_length=1)

    @field_validator("require")
    @classmethod
    def _legible(cls, value: list[str]) -> list[str]:
        for text in value:
            found = requirements.parse(text)
            try:
                registry.require_measure(found.measure, "measure")
            except ValueError as error:
                raise ValueError(f"the requirement {text!r}: {error}") from None
        return value

    def check(self, configuration: Any) -> None:
        """Every measure is one of an analysis of the study."""
        on = configuration.analyses.on()
        for text in self.require:
            measure = requirements.parse(text).measure
            owner = next(n for n, a in registry.analyses().items() if a.declared(measure))
            if owner not in on:
                raise ValueError(
                    f"analyses.gate.require: {measure} is a measure of `{owner}`, which is not "
                    f"among this study's `analyses` ({', '.join(on)}); add it, or require another"
                )
