"""The entries of a grid: which students under which objective, parameters and seeds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, Union

from pydantic import BeforeValidator, Field, PlainValidator, SerializeAsAny, create_model

from distilscope import catalog
from distilscope.configuration.kinds import Strict, Whole, number
from distilscope.training.objectives.declaration import Parameter


class _Entry(Strict):
    students: list[str] = Field(min_length=1)
    seeds: list[Whole] | None = None


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
def _entry_class(name: str) -> type[_Entry]:
    """The keys of an entry under an objective: one for each of its parameters."""
    objective = catalog.OBJECTIVES[name]
    fields: dict[str, Any] = {"objective": (Literal[name], ...)}
    if objective.needs_teacher:
        fields["teachers"] = (list[str] | None, None)
        fields["taught_by"] = (Literal["teacher", "twin"], "teacher")
    for key, parameter in objective.parameters.items():
        meaning = Field(description=parameter.meaning or None)
        fields[key] = (_checked(parameter), meaning)
    title = f"{name.capitalize()}Entry"
    return create_model(title, __base__=_Entry, __doc__=f"Grid entry: {name}.", **fields)


def _parsed(value: Any) -> _Entry:
    """A grid entry by its objective, which may be one of another package."""
    if isinstance(value, _Entry):
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
Entry = Annotated[SerializeAsAny[_Entry], PlainValidator(_parsed, json_schema_input_type=_Own)]
