"""Looking for shortcuts: what a detector demands, and plantings that it is judged by."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from distilscope import catalog
from distilscope.configuration.grid import Entry, TaughtEntry
from distilscope.configuration.kinds import (
    Count,
    Fraction,
    Positive,
    Section,
    Strict,
    Whole,
    number,
    require_layered,
    whole,
)

MINIMUM_TWINS = 3
Channel = Annotated[int, Field(ge=0, le=255), BeforeValidator(whole)]
Open = Annotated[float, Field(gt=0, lt=1), BeforeValidator(number)]


class Causal(Strict):
    """The check by masking: which share of the image is covered, and the random area's seed."""

    top: Open = 0.2
    seed: Whole = 0


def require_layer_method(analysis: str, method: str | None, methods: list[str]) -> None:
    """Refuse an analysis by maps at layers that no method of the study makes.

    Raises:
        ValueError: there is no such method, or `method` is none.
    """
    able = catalog.at_layers(methods)
    if not able:
        raise ValueError(
            f"analyses.{analysis}: it needs a method that explains layers, such as `gradcam`, in "
            "`observe.methods`"
        )
    require_layered(f"analyses.{analysis}.method", method, able)


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
            if isinstance(entry, TaughtEntry) and _names_teachers(entry):
                raise ValueError("the teacher of all arms is `planted.teacher`; leave it out here")
        return self


def _names_teachers(entry: TaughtEntry) -> bool:
    return bool(entry.teachers or entry.committee or entry.taught_by == "twin")


class Planted(Strict):
    """Shortcuts that are planted to judge the detectors by: a patch that goes with one class."""

    teacher: str
    plantings: list[Planting] = Field(min_length=1)
    arms: Arms
    patch: Patch = Patch()
    probability: Fraction = 0.95
    elsewhere: Fraction = 0.01
    reliance: Fraction = 0.2

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

    def check(self, configuration: Any) -> None:
        """See `Shortcuts.check`."""
        entry = catalog.lookup(
            configuration.teachers, self.teacher, "teacher in analyses.shortcuts.planted"
        )
        found = len(entry.twins) + len(entry.seeds) - 1
        if found < MINIMUM_TWINS:
            raise ValueError(
                f"analyses.shortcuts.planted.teacher: {self.teacher!r} has {found} twins; the "
                f"detector needs {MINIMUM_TWINS} or more in `twins`"
            )
        if entry.weights is not None:
            raise ValueError(
                f"analyses.shortcuts.planted.teacher: {self.teacher!r} is given by `weights`, and "
                "has to be trained again on planted images: name a teacher with a `recipe`"
            )
        for arm in ("student", "both", "none"):
            for name in (s for e in getattr(self.arms, arm) for s in e.students):
                where = f"student in analyses.shortcuts.planted.arms.{arm}"
                catalog.lookup(configuration.students, name, where)
        size = configuration.data.image_size - self.patch.size
        for planting in self.plantings:
            if max(planting.place) > size:
                raise ValueError(
                    f"analyses.shortcuts.planted: the patch of {planting.name} at {planting.place} "
                    f"reaches over the edge; `place` is at most {size} for images of "
                    f"{configuration.data.image_size} pixels"
                )


class Shortcuts(Section):
    """What a class must show to be flagged; docs/measures.md has the definitions."""

    minimum: Count = 20
    effect: Positive = 4.0
    causal_effect: Positive = 0.8
    rate: Open = 0.05
    permutations: Annotated[int, Field(ge=100), BeforeValidator(whole)] = 2000
    seed: Whole = 0
    method: str | None = None
    causal: Causal | None = None
    planted: Planted | None = None

    @property
    def trains(self) -> bool:
        """Models on planted data are."""
        return self.planted is not None

    def check(self, configuration: Any) -> None:
        """Maps at layers are there; what is planted has a teacher with twins, students, and room
        for its patch.
        """
        require_layer_method("shortcuts", self.method, configuration.observe.methods)
        if self.planted is not None:
            self.planted.check(configuration)
