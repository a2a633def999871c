"""The entries of a grid: which students under which objective, T, alpha and seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union

from pydantic import BeforeValidator, Field, create_model

from distilscope import catalog
from distilscope.configuration.kinds import Strict, Whole, number


class _Entry(Strict):
    students: list[str] = Field(min_length=1)
    seeds: list[Whole] | None = None


def _checked(parameter: catalog.Parameter) -> Any:
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


def _entry_class(name: str, objective: catalog.Objective) -> type[_Entry]:
    fields: dict[str, Any] = {"objective": (Literal[name], ...)}
    if objective.needs_teacher:
        fields["teachers"] = (list[str] | None, None)
        fields["taught_by"] = (Literal["teacher", "twin"], "teacher")
    for key, parameter in objective.parameters.items():
        fields[key] = (_checked(parameter), ...)
    title = f"{name.capitalize()}Entry"
    return create_model(title, __base__=_Entry, __doc__=f"Grid entry: {name}.", **fields)


ENTRIES = {name: _entry_class(name, objective) for name, objective in catalog.OBJECTIVES.items()}


def _tagged(value: Any) -> Any:
    """Parse a grid entry by its objective, so that a fault is told for that objective alone."""
    if isinstance(value, _Entry):
        return value
    if not isinstance(value, Mapping) or "objective" not in value:
        raise ValueError("an entry needs `objective`: " + ", ".join(catalog.OBJECTIVES))
    catalog.lookup(catalog.OBJECTIVES, value["objective"], "objective")
    return value


Entry = Annotated[
    # A union of as many types as there are at run time can't be written with `|`.
    Annotated[Union[tuple(ENTRIES.values())], Field(discriminator="objective")],  # noqa: UP007
    BeforeValidator(_tagged),
]
