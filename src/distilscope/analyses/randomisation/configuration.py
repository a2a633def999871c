"""Settings of `analyses.randomisation`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from distilscope.configuration.kinds import Section, Whole


class Randomisation(Section):
    """A check of the explanations: do maps change when the weights behind them are random?

    `model` is a teacher or student by name (its first model) or a model by id. `cascade` makes
    the layers random from the output down, `independent` one at a time.
    """

    model: str
    modes: list[Literal["cascade", "independent"]] = Field(
        default=["cascade", "independent"], min_length=1
    )
    layers: list[str] | None = Field(default=None, min_length=1)
    seed: Whole = 0
