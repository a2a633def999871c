"""One study: all sections together, and what must agree between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from distilscope import catalog
from distilscope.analyses.parts.configuration import Parts
from distilscope.analyses.shortcuts.configuration import LEAST_TWINS, Planted, Shortcuts
from distilscope.configuration.data import Data
from distilscope.configuration.grid import Entry
from distilscope.configuration.kinds import (
    ConfigurationError,
    Name,
    Strict,
    UserPath,
    Whole,
    expanded,
    faults,
    whole,
)
from distilscope.configuration.measured import Measures, Observe, Report, Sanity
from distilscope.configuration.networks import Recipe, Student, Teacher

RESERVED = ("checkpoints", "logs", "progress", "store")
"""Folders of `results/` beside those of the studies."""


def _not_reserved(name: str) -> str:
    if name.lower() in RESERVED:
        raise ValueError(
            f"results/{name} is where distilscope keeps its own files ({', '.join(RESERVED)} are "
            "taken); give the study another name"
        )
    return name


class Configuration(Strict):
    """One study."""

    study: Annotated[Name, AfterValidator(_not_reserved)]
    title: str
    scale: Literal["laptop", "paper"] = "laptop"
    seeds: list[Whole] = Field(default=[0], min_length=1)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads: Annotated[int, Field(ge=1, le=256), BeforeValidator(whole)] = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    allow_code: bool = False
    data_folder: UserPath = "data"
    data: Data
    recipes: dict[Name, Recipe] = {}
    teachers: dict[Name, Teacher] = Field(min_length=1)
    students: dict[Name, Student] = {}
    grid: list[Entry] = []
    floors: list[str] = []
    observe: Observe = Observe()
    measures: Measures = Measures()
    sanity: Sanity | None = None
    parts: Parts | None = None
    shortcuts: Shortcuts = Shortcuts()
    planted: Planted | None = None
    claims: UserPath | None = None
    report: Report = Report()

    @field_validator("data_folder")
    @classmethod
    def _no_wildcard(cls, value: str) -> str:
        """Downloads are outputs of a rule, where Snakemake takes braces for wildcards."""
        if set("{}\0\n") & set(str(expanded(value))):
            raise ValueError(f"{value!r} can't hold braces or line breaks: Snakemake reads them")
        return value

    @model_validator(mode="after")
    def _names_agree(self) -> Configuration:
        for where, network in [*self.teachers.items(), *self.students.items()]:
            if ":" in network.architecture and not self.allow_code:
                raise ValueError(
                    f"{where}: the factory {network.architecture!r} runs code of yours; "
                    "set `allow_code: true` if you trust it"
                )
            if network.recipe is not None:
                catalog.lookup(self.recipes, network.recipe, f"recipe of {where}")
            self.recipe_of(where)
        for position, entry in enumerate(self.grid):
            for student in entry.students:
                catalog.lookup(self.students, student, f"student in grid entry {position + 1}")
                if self.students[student].weights is not None:
                    raise ValueError(f"student {student!r} is given by `weights`: not in a grid")
            for teacher in getattr(entry, "teachers", None) or []:
                catalog.lookup(self.teachers, teacher, f"teacher in grid entry {position + 1}")
        for student in self.floors:
            catalog.lookup(self.students, student, "student in floors")
        shared = set(self.teachers) & set(self.students)
        if shared:
            raise ValueError(f"teachers and students share the name {sorted(shared)[0]!r}")
        if (
            self.students
            and not self.grid
            and self.planted is None
            and all(s.recipe for s in self.students.values())
        ):
            raise ValueError("`grid` is empty: no student would be trained")
        return self

    @model_validator(mode="after")
    def _planted(self) -> Configuration:
        planted = self.planted
        if planted is None:
            return self
        entry = catalog.lookup(self.teachers, planted.teacher, "teacher in planted")
        found = len(entry.twins) + len(entry.seeds) - 1
        if found < LEAST_TWINS:
            raise ValueError(
                f"planted.teacher: {planted.teacher!r} has {found} twins; the detector needs "
                f"{LEAST_TWINS} or more in `twins`"
            )
        if entry.weights is not None or "gradcam" not in self.observe.methods:
            raise ValueError("planted: it needs a teacher with a `recipe`, and GradCAM in methods")
        for arm in ("student", "both", "none"):
            for name in (s for e in getattr(planted.arms, arm) for s in e.students):
                catalog.lookup(self.students, name, f"student in planted.arms.{arm}")
        size = self.data.image_size - planted.patch.size
        for planting in planted.plantings:
            if max(planting.place) > size:
                raise ValueError(
                    f"planted: the patch of {planting.name} at {planting.place} reaches over the "
                    f"edge; `place` is at most {size} for images of {self.data.image_size} pixels"
                )
        return self

    @model_validator(mode="after")
    def _parted(self) -> Configuration:
        parts = self.parts
        if parts is None:
            return self
        known = [name for name, entry in catalog.DATASETS.items() if entry.parted]
        if catalog.PART_SOURCES[parts.source].parted and self.data.name not in known:
            raise ValueError(
                f"parts.source: {parts.source!r} needs a data set that knows its parts "
                f"({', '.join(known)}); {self.data.name!r} does not"
            )
        if parts.headline.method not in self.observe.methods:
            raise ValueError(
                f"parts.headline.method {parts.headline.method!r} is none of `observe.methods`: "
                + ", ".join(self.observe.methods)
            )
        return self

    def recipe_of(self, name: str) -> Recipe | None:
        """The recipe of a teacher or student with its own override applied."""
        network = self.teachers.get(name) or self.students[name]
        if network.recipe is None:
            return None
        base = self.recipes[network.recipe].model_dump()
        own, other = base["optimizer"]["name"], network.override.get("optimizer")
        if isinstance(other, Mapping) and other.get("name", own) != own:
            base["optimizer"] = {}  # the settings of one optimizer are not another's
        try:
            return Recipe.model_validate(_merged(base, network.override))
        except ValidationError as error:
            raise ValueError(f"override of {name}: {'; '.join(faults(error))}") from None


def _merged(base: Any, over: Any) -> Any:
    """`over` laid on `base`, mapping by mapping."""
    if isinstance(base, dict) and isinstance(over, Mapping):
        return {**base, **{key: _merged(base.get(key), value) for key, value in over.items()}}
    return over


def parse(raw: Any, where: str = "the configuration") -> Configuration:
    """The typed configuration.

    Raises:
        ConfigurationError: a line for each fault: key, value, what would be accepted.
    """
    try:
        return Configuration.model_validate(raw)
    except ValidationError as error:
        lines = "\n".join(f"  {fault}" for fault in faults(error))
        raise ConfigurationError(f"{where} can't be used:\n{lines}") from None


def schema() -> dict[str, Any]:
    """The JSON schema of a configuration, for editors and for people."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Configuration.model_json_schema(),
    }
