"""One study: all sections together, and what must agree between them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)

from distilscope import catalog, registry
from distilscope.configuration import modality, renamed
from distilscope.configuration.analyses import Sections, read, sections, usual
from distilscope.configuration.changed import Compressed, StandIn
from distilscope.configuration.data import Pictures, Source
from distilscope.configuration.grid import Entry, GridEntry, TaughtEntry
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
from distilscope.configuration.measured import Observe, Report, Statistics
from distilscope.configuration.networks import Network, Student, Teacher
from distilscope.configuration.recipes import Recipe
from distilscope.configuration.texts import TASKS

Relation = Literal["teacher", "other-teacher", "committee", "twin", "peer"]
"""What a model's reference is to it, of those that are asked for."""

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
    scale: Literal["laptop", "paper", "audit"] = "laptop"
    seeds: list[Whole] = Field(default=[0], min_length=1)
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads: Annotated[int, Field(ge=1, le=256), BeforeValidator(whole)] = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    allow_code: bool = False
    extensions: list[str] = []
    data_folder: UserPath = "data"
    data: Source
    recipes: dict[Name, Recipe] = {}
    teachers: dict[Name, Teacher] = Field(min_length=1)
    students: dict[Name, Student] = {}
    grid: list[Entry] = []
    floors: list[str] = []
    compress: list[Compressed] = []
    stand_ins: list[StandIn] = []
    observe: Observe = Observe()
    compare: list[Relation] = Field(default=["teacher", "committee", "twin"])
    statistics: Statistics = Statistics()
    analyses: Sections = Field(default_factory=usual)
    claims: UserPath | None = None
    report: Report = Report()

    @field_validator("data_folder")
    @classmethod
    def _no_wildcard(cls, value: str) -> str:
        """Downloads are outputs of a rule, where Snakemake takes braces for wildcards."""
        if set("{}\0\n") & set(str(expanded(value))):
            raise ValueError(
                f"{value!r} can't hold braces or line breaks, which Snakemake reads: choose another"
            )
        return value

    @model_validator(mode="after")
    def _names_agree(self) -> Configuration:
        for name, network in [*self.teachers.items(), *self.students.items()]:
            self._check_network(name, network)
        for position, entry in enumerate(self.grid, start=1):
            self._check_entry(entry, f"grid entry {position}")
        for student in self.floors:
            self._check_floor(student)
        shared = set(self.teachers) & set(self.students)
        if shared:
            raise ValueError(
                f"teachers and students share the name {sorted(shared)[0]!r}; rename one"
            )
        trainable = self.students and all(s.recipe for s in self.students.values())
        if trainable and not self.grid and not self.trains_elsewhere:
            raise ValueError(
                "`grid` is empty: no student would be trained; give an entry such as "
                "`{objective: ce, students: [...]}`"
            )
        return self

    @model_validator(mode="after")
    def _sections_agree(self) -> Configuration:
        modality.check(self)
        for section in self.analyses.on().values():
            section.check(self)
        return self

    @property
    def trains(self) -> bool:
        """Whether any model is trained: an audit has only given ones."""
        trained = any(not teacher.given for teacher in self.teachers.values())
        return bool(self.grid) or trained or self.trains_elsewhere

    @property
    def trains_elsewhere(self) -> bool:
        """Whether an analysis trains models of its own."""
        return any(section.trains for section in self.analyses.on().values())

    def _check_network(self, name: str, network: Network) -> None:
        if isinstance(self.data, Pictures):
            network.check_on_pictures(name, self.data.share)
        if network.runs_code and not self.allow_code:
            raise ValueError(
                f"{name}: {network.runs_code} runs code of yours; set `allow_code: true` if you "
                "trust it"
            )
        at_layers = catalog.at_layers(self.observe.methods)
        if network.program and not network.layers and at_layers:
            raise ValueError(
                f"{name}: {at_layers[0]} explains `layers`, and this program has none named: "
                "`distilscope layers --model FILE` proposes some; or set `observe.methods` to "
                "methods at the input, such as saliency"
            )
        if network.recipe is not None:
            catalog.lookup(self.recipes, network.recipe, f"recipe of {name}")
        self.recipe_of(name)

    def _check_entry(self, entry: GridEntry, where: str) -> None:
        for student in entry.students:
            catalog.lookup(self.students, student, f"student in {where}")
            if self.students[student].given:
                raise ValueError(
                    f"student {student!r} is given by `weights` or `program`: take it out of `grid`"
                )
            self._check_table(entry, student)
        if isinstance(entry, TaughtEntry):
            self._check_teachers(entry, where)

    def _check_floor(self, student: str) -> None:
        catalog.lookup(self.students, student, "student in floors")
        if self.students[student].program:
            raise ValueError(
                f"student {student!r} is a program, of which no untrained one can be made: take it "
                "out of `floors`"
            )

    def _check_table(self, entry: GridEntry, student: str) -> None:
        recipe = self.recipe_of(student)
        if catalog.OBJECTIVES[entry.objective].prepare and recipe and recipe.targets == "online":
            raise ValueError(
                f"the recipe of {student} has `targets: online`, and {entry.objective} is made of "
                "the teacher's table of logits: set `targets: table`"
            )

    def _check_teachers(self, entry: TaughtEntry, where: str) -> None:
        for teacher in entry.teachers if isinstance(entry.teachers, list) else []:
            catalog.lookup(self.teachers, teacher, f"teacher in {where}")
        for member in (member for members in entry.committee or [] for member in members):
            self._check_member(member, f"committee in {where}")

    def _check_member(self, member: str, where: str) -> None:
        name, _, seed = member.partition(".")
        entry = catalog.lookup(self.teachers, name, f"teacher of the {where}")
        if seed and int(seed) not in [*entry.seeds, *entry.twins]:
            known = ", ".join(map(str, [*entry.seeds, *entry.twins]))
            raise ValueError(f"{where}: {name} has no seed {seed}; it has {known}")

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


def parse(raw: Any, where: str = "the configuration", *, recorded: bool = False) -> Configuration:
    """The typed configuration. Modules that it names in `extensions` are imported first.

    Of a `recorded` one, which nobody can edit, keys that have moved are read without a word.

    Raises:
        ConfigurationError: a line for each fault: key, value, what would be accepted.
    """
    raw, said = renamed.present(raw)
    for sentence in () if recorded else said:
        print(f"{where}: {sentence}", file=sys.stderr)
    try:
        _extend(raw)
        return _class(sections()).model_validate(raw)
    except ValidationError as error:
        lines = "\n".join(f"  {fault}" for fault in faults(error, TASKS))
    except ValueError as error:
        lines = f"  {error}"
    raise ConfigurationError(f"{where} can't be used:\n{lines}") from None


def _extend(raw: Any) -> None:
    """Import what a configuration names in `extensions`, if it allows the user's own code.

    The working directory, where the user's modules lie, is searched for modules from here on.
    """
    if isinstance(raw, Mapping) and raw.get("allow_code") is True and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    modules = raw.get("extensions") if isinstance(raw, Mapping) else None
    if not isinstance(modules, list) or not modules:
        return
    if raw.get("allow_code") is not True:
        raise ValueError(
            f"extensions: {modules[0]!r} runs code of yours; set `allow_code: true` if you trust it"
        )
    for module in modules:
        try:
            registry.load([module])
        except ImportError as error:
            raise ValueError(f"extensions: {module!r} can't be imported ({error})") from None


@cache
def _class(known: type[Sections]) -> type[Configuration]:
    """`Configuration` with a section for each analysis that there is now."""
    return create_model(
        "Configuration",
        __base__=Configuration,
        __doc__=Configuration.__doc__,
        analyses=(Annotated[known, BeforeValidator(read)], Field(default_factory=usual)),
    )


def schema() -> dict[str, Any]:
    """The JSON schema of a configuration, for editors and for people."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_class(sections()).model_json_schema(),
    }
