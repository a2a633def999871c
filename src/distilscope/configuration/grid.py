"""The entries of a grid: which students under which objective, with which parameters and seeds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, Union

from pydantic import (
    BeforeValidator,
    Field,
    PlainValidator,
    SerializeAsAny,
    create_model,
    field_validator,
    model_validator,
)

from distilscope import catalog
from distilscope.configuration.kinds import Member, Positive, Strict, Whole, number
from distilscope.training.objectives.declaration import COMBINE, Objective, Parameter

Named = Annotated[list[str], Field(min_length=1)]


class GridEntry(Strict):
    """Students under one objective; every combination of its parameters is trained.

    The objective's own parameters are keys of the entry, each a number or a list. `lr` takes the
    place of the learning rate in the recipe of these students.
    """

    objective: str
    students: list[str] = Field(min_length=1)
    seeds: list[Whole] | None = None
    lr: Positive | None = None

    def combinations(self) -> Iterator[tuple[tuple[str, float], ...]]:
        """Each combination of the values of the parameters, as (name, value)."""
        names = list(catalog.OBJECTIVES[self.objective].parameters)
        for values in itertools.product(*(getattr(self, name) for name in names)):
            yield tuple(zip(names, values, strict=True))


class TaughtEntry(GridEntry):
    """Students of teachers: `teachers` one at a time, or of a `committee` together.

    A committee acts by the mean of the `losses` (where nothing is said), of the `logits` or of the
    `probabilities`. `teachers_in_training_mode` is an ablation, of a fault of published code: the
    teachers are asked at each step, and normalise each batch by itself.
    """

    teachers: Named | Literal["each"] | None = None
    taught_by: Literal["teacher", "twin"] = "teacher"
    committee: list[list[Member]] | None = Field(default=None, min_length=1)
    combine: Literal[COMBINE] | None = None
    teachers_in_training_mode: bool = False

    @field_validator("committee")
    @classmethod
    def _several(cls, value: list[list[str]] | None) -> list[list[str]] | None:
        for members in value or []:
            if len(members) < 2:
                raise ValueError(
                    f"a committee has two members or more, got {members}; one teacher is named in "
                    "`teachers`"
                )
            if len(set(members)) < len(members):
                raise ValueError(f"a committee has each of its members once, got {members}")
        return value

    @model_validator(mode="after")
    def _one_kind_of_teachers(self) -> TaughtEntry:
        if self.committee and catalog.OBJECTIVES[self.objective].prepare:
            raise ValueError(f"{self.objective} learns from one teacher: leave out `committee`")
        if self.teachers_in_training_mode and catalog.OBJECTIVES[self.objective].prepare:
            raise ValueError(
                f"{self.objective} is made of the teacher's table of logits, which has those of "
                "its evaluation mode: leave out `teachers_in_training_mode`"
            )
        if catalog.OBJECTIVES[self.objective].needs == "texts":
            for key in ("committee", "teachers_in_training_mode"):
                if getattr(self, key):
                    raise ValueError(
                        f"{self.objective} learns what one teacher wrote beforehand: leave out "
                        f"`{key}`"
                    )
        if self.teachers_in_training_mode and self.taught_by == "twin":
            raise ValueError(
                "`teachers_in_training_mode` is an ablation of students of their own teachers: "
                "leave out `taught_by`"
            )
        if self.combine and not self.committee:
            raise ValueError("`combine` says how a `committee` acts as one: there is none here")
        if self.committee and (self.teachers or self.taught_by == "twin"):
            raise ValueError("`committee` names its teachers: leave out `teachers` and `taught_by`")
        return self


def _checked(parameter: Parameter) -> Any:
    """One value of an objective's parameter, or a list of them, within its range."""

    def check(value: Any) -> Any:
        values = value if isinstance(value, list) else [value]
        if not values:
            raise ValueError("the list is empty: give at least one value")
        found = [number(item) for item in values]
        for item in found:
            fault = parameter.check(item)
            if fault:
                raise ValueError(fault)
        return [float(item) for item in found]

    accepted = float | list[float]
    return Annotated[list[float], BeforeValidator(check, json_schema_input_type=accepted)]


@cache
def _entry_class(name: str) -> type[GridEntry]:
    """The keys of an entry under an objective: one for each of its parameters."""
    objective: Objective = catalog.OBJECTIVES[name]
    fields: dict[str, Any] = {"objective": (Literal[name], ...)}
    for key, parameter in objective.parameters.items():
        fields[key] = (_checked(parameter), Field(description=parameter.meaning or None))
    base = TaughtEntry if objective.needs_teacher else GridEntry
    title = f"{name.capitalize()}Entry"
    return create_model(title, __base__=base, __doc__=f"Grid entry: {name}.", **fields)


def _parsed(value: Any) -> GridEntry:
    """A grid entry by its objective, which may be one of another package."""
    if isinstance(value, GridEntry):
        return value
    if not isinstance(value, Mapping) or "objective" not in value:
        raise ValueError("an entry needs `objective`: " + ", ".join(catalog.OBJECTIVES))
    catalog.lookup(catalog.OBJECTIVES, value["objective"], "objective")
    return _entry_class(value["objective"]).model_validate(value)


_Own = Annotated[
    # A union of as many types as there are at run time can't be written with `|`.
    Union[tuple(_entry_class(name) for name in catalog.OBJECTIVES)],  # noqa: UP007
    Field(discriminator="objective"),
]
Entry = Annotated[SerializeAsAny[GridEntry], PlainValidator(_parsed, json_schema_input_type=_Own)]
