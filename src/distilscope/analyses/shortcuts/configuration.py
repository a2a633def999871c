"""Looking for shortcuts: what a detector demands, and plantings that it is judged by."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator, model_validator

from distilscope.configuration.grid import Entry
from distilscope.configuration.kinds import Count, Fraction, Positive, Strict, Whole, number, whole

LEAST_TWINS = 3
Channel = Annotated[int, Field(ge=0, le=255), BeforeValidator(whole)]
Open = Annotated[float, Field(gt=0, lt=1), BeforeValidator(number)]


class Causal(Strict):
    """The check by masking: which share of the image is covered, and the random area's seed."""

    top: Open = 0.2
    seed: Whole = 0


class Shortcuts(Strict):
    """What a class must show to be flagged; docs/measures.md has the definitions."""

    minimum: Count = 20
    effect: Positive = 4.0
    causal_effect: Positive = 0.8
    rate: Open = 0.05
    permutations: Annotated[int, Field(ge=100), BeforeValidator(whole)] = 2000
    seed: Whole = 0
    causal: Causal | None = None


class Patch(Strict):
    """A square patch: its side in pixels, and its colour (red, green, blue)."""

    size: Count = 5
    value: list[Channel] = Field(default=[255, 0, 0], min_length=3, max_length=3)


class Planting(Strict):
    """One planted shortcut: the class (a label), the patch's upper left pixel, and a seed.

    The seed decides which images get the patch, and is that of the models trained for it.
    """

    label: Whole
    place: list[Whole] = Field(min_length=2, max_length=2)
    seed: Whole

    @property
    def name(self) -> str:
        """For folders: no two plantings of a study share it."""
        return f"class{self.label}-seed{self.seed}"


class Arms(Strict):
    """The students of each arm, as entries of a grid.

    `student`: trained on planted images, its teacher was not. `both`: teacher and student were.
    `none`: nothing is planted, every flag is a false alarm; `seeds` may be given here alone.
    """

    student: list[Entry] = []
    both: list[Entry] = []
    none: list[Entry] = []

    @model_validator(mode="after")
    def _seeds(self) -> Arms:
        for arm in ("student", "both"):
            for entry in getattr(self, arm):
                if entry.seeds is not None:
                    raise ValueError(f"{arm}: `seeds` are the plantings' own; leave them out")
        for entry in [*self.student, *self.both, *self.none]:
            if getattr(entry, "teachers", None) or getattr(entry, "taught_by", "teacher") == "twin":
                raise ValueError("the teacher of all arms is `planted.teacher`; leave it out here")
        return self


class Planted(Strict):
    """Shortcuts that are planted to judge the detectors by: a patch that goes with one class."""

    teacher: str
    plantings: list[Planting] = Field(min_length=1)
    arms: Arms
    patch: Patch = Patch()
    probability: Fraction = 0.95
    elsewhere: Fraction = 0.01
    took: Fraction = 0.2

    @field_validator("plantings")
    @classmethod
    def _distinct(cls, value: list[Planting]) -> list[Planting]:
        names = [planting.name for planting in value]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two plantings have the class and seed of {name}; vary one")
        return value

    @model_validator(mode="after")
    def _tied(self) -> Planted:
        if self.elsewhere >= self.probability:
            raise ValueError(
                f"`elsewhere` ({self.elsewhere:g}) must be below `probability` "
                f"({self.probability:g}): the patch is to go with its class"
            )
        return self
