"""The entries of a grid: which students under which objective, with which parameters and seeds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_serializer, model_validator

from distilscope import catalog
from distilscope.configuration.kinds import Strict, Whole, number
from distilscope.training.objectives.declaration import COMBINE, Parameter

Member = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(\.\d+)?$")]
"""A teacher of a committee: `entry`, or `entry.seed` for one of its models."""


class Entry(Strict):
    """Students under one objective; every combination of the lists is trained.

    The objective's own parameters are keys of the entry, each a number or a list. `teachers` are
    names, or `each`: a student learns from one of them. `committee` are lists of teachers that a
    student learns from together, by the mean of the `losses`, of the `logits` or of the
    `probabilities`.
    """

    objective: str
    students: list[str] = Field(min_length=1)
    seeds: list[Whole] | None = None
    teachers: list[str] | Literal["each"] | None = None
    taught_by: Literal["teacher", "twin"] = "teacher"
    committee: list[Annotated[list[Member], Field(min_length=2)]] | None = None
    combine: Literal[COMBINE] = "losses"
    parameters: dict[str, list[float]] = {}

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: Any) -> Any:
        """Keys are those of every entry and the parameters of the entry's objective."""
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping) or "objective" not in value:
            raise ValueError("an entry needs `objective`: " + ", ".join(catalog.OBJECTIVES))
        objective = catalog.lookup(catalog.OBJECTIVES, value["objective"], "objective")
        own = set(cls.model_fields) - {"parameters"}
        if not objective.needs_teacher:
            own -= {"teachers", "taught_by", "committee", "combine"}
        accepted = [*cls.model_fields, *objective.parameters]
        for key in value:
            if key not in own and key not in objective.parameters:
                known = [name for name in accepted if name in own or name in objective.parameters]
                raise ValueError(f"unknown key {key!r}; {catalog.suggest(key, known)}")
        missing = [name for name in objective.parameters if name not in value]
        if missing:
            raise ValueError(f"{missing[0]}: this key is missing")
        parameters = {
            name: _values(name, value[name], parameter)
            for name, parameter in objective.parameters.items()
        }
        return {key: value[key] for key in value if key in own} | {"parameters": parameters}

    @field_validator("committee")
    @classmethod
    def _distinct(cls, value: list[list[str]] | None) -> list[list[str]] | None:
        for members in value or []:
            if len(set(members)) < len(members):
                raise ValueError(f"a committee has each of its members once, got {members}")
        return value

    @model_validator(mode="after")
    def _one_kind_of_teachers(self) -> Entry:
        if self.committee and (self.teachers or self.taught_by == "twin"):
            raise ValueError("`committee` names its teachers: leave out `teachers` and `taught_by`")
        return self

    @model_serializer(mode="wrap")
    def _as_typed(self, handler: Any) -> dict[str, Any]:
        """Parameters are keys of the entry; what was left out is left out."""
        found = handler(self)
        parameters = found.pop("parameters")
        unset = {key: field.default for key, field in type(self).model_fields.items()}
        kept = {key: item for key, item in found.items() if item != unset[key]}
        return kept | parameters

    def combinations(self) -> Iterator[tuple[tuple[str, float], ...]]:
        """Each combination of the values of the parameters, as (name, value)."""
        names = list(self.parameters)
        for values in itertools.product(*self.parameters.values()):
            yield tuple(zip(names, values, strict=True))


def _values(name: str, value: Any, parameter: Parameter) -> list[float]:
    """One value of an objective's parameter, or a list of them, within its range."""
    values = value if isinstance(value, list) else [value]
    if not values:
        raise ValueError(f"{name}: the list is empty: give at least one value")
    found = []
    for item in values:
        try:
            found.append(float(number(item)))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        fault = parameter.check(found[-1])
        if fault:
            raise ValueError(f"{name}: {fault}")
    return found
