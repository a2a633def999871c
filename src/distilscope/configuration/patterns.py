"""Patterns: how claims and published numbers address conditions, by any field of them.

A pattern is a mapping of fields to a value, or to a list of values of which each is meant:
`{objective: kd, T: 4, alpha: 0.9}`, `{objective: ats, tau_true: [2, 4], teacher: resnet110}`. What
it doesn't name is left open. Without `role` it addresses students and controls.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from distilscope import catalog
from distilscope.configuration.kinds import number
from distilscope.training.objectives.declaration import COMBINE, Objective

ROLES = (
    *("teacher", "twin", "stand-in", "committee", "student", "twin-taught"),
    *("training-mode-taught", "control", "compressed", "floor"),
)
"""What a condition is in an argument, in the order of tables and figures."""

LEARNERS = ("student", "control")
"""The roles that a pattern without `role` addresses."""

FIELDS = ("role", "network", "source", "objective", "teacher", "teachers", "combine", "views")
"""The fields of a condition that a pattern may name, beside its objective's parameters and what was
done to the finished model (`catalog.CHANGES`).
"""

TAUGHT_BY = {"teacher": {}, "twin": {"role": "twin-taught"}}


def checked(pattern: Any) -> dict[str, Any]:
    """A pattern in its plain form: `taught_by: twin` is `role: twin-taught`.

    Raises:
        ValueError: it is no mapping, a field is unknown, or a value can't be that field's.
    """
    if not isinstance(pattern, Mapping):
        raise ValueError(f"expected a pattern such as {{objective: ce}}, got {pattern!r:.60}")
    given = {key: value for key, value in pattern.items() if key != "taught_by"}
    given |= catalog.lookup(TAUGHT_BY, pattern.get("taught_by", "teacher"), "value of `taught_by`")
    if not isinstance(given.get("teachers", []), list):
        raise ValueError(f"teachers: expected a list of names, got {given['teachers']!r:.60}")
    for name, wanted in given.items():
        if wanted == []:
            raise ValueError(f"{name}: the list is empty: give at least one value")
    named = values(given, "objective") or catalog.OBJECTIVES
    objectives = [catalog.lookup(catalog.OBJECTIVES, name, "objective") for name in named]
    if given.get("role") == "twin-taught" and not any(o.needs_teacher for o in objectives):
        raise ValueError(
            f"objective {given['objective']!r} learns from no teacher or twin: leave out "
            "`taught_by`"
        )
    return {
        name: [_checked(name, one, objectives) for one in wanted]
        if isinstance(wanted, list)
        else _checked(name, wanted, objectives)
        for name, wanted in given.items()
    }


Pattern = Annotated[dict[str, Any], BeforeValidator(checked)]


def values(pattern: Mapping[str, Any], name: str) -> list[Any]:
    """The values that a pattern gives a field: none where it leaves the field open."""
    if name not in pattern:
        return []
    wanted = pattern[name]
    return wanted if isinstance(wanted, list) and name != "teachers" else [wanted]


def is_open(pattern: Mapping[str, Any], name: str) -> bool:
    """Whether conditions that match may differ in a field."""
    return len(values(pattern, name)) != 1


def words(pattern: Mapping[str, Any]) -> str:
    """`medium student under kd T=4 alpha=0.9 from resnet110`."""
    said = {name: " or ".join(map(_word, values(pattern, name))) for name in pattern}
    role, teacher = said.pop("role", "student"), said.pop("teacher", "")
    if role == "twin-taught":
        role, teacher = "student", " ".join([teacher, "the twin"]).strip()
    if role == "training-mode-taught":
        role = "student of teachers in training mode"
    if said.pop("teachers", ""):
        teacher = " and ".join(pattern["teachers"])
    network, objective = said.pop("network", ""), said.pop("objective", "")
    under = " ".join([objective, *(f"{name}={value}" for name, value in said.items())]).strip()
    parts = (network, role, under and f"under {under}", teacher and f"from {teacher}")
    return " ".join(filter(None, parts))


def _word(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def _checked(name: str, value: Any, objectives: list[Objective]) -> Any:
    """One value of a field, once it is known to be one."""
    if name in catalog.CHANGES:
        return _change(name, value)
    if name not in FIELDS:
        return _parameter(name, value, objectives)
    if not isinstance(value, str):
        raise ValueError(f"{name}: expected text, got {value!r:.60}")
    known = {"role": ROLES, "combine": COMBINE}.get(name, [value])
    if value not in known:
        raise ValueError(f"unknown {name} {value!r}; {catalog.suggest(value, known)}")
    return value


def _change(name: str, value: Any) -> Any:
    change = catalog.CHANGES[name]
    found = value if change.choices else number(value)
    fault = change.check(found)
    if fault:
        raise ValueError(f"{name}: {fault}")
    return found


def _parameter(name: str, value: Any, objectives: list[Objective]) -> float:
    taking = [own.parameters[name] for own in objectives if name in own.parameters]
    if not taking and any(name in own.parameters for own in catalog.OBJECTIVES.values()):
        known = ", ".join(objectives[0].parameters) or "no parameter"
        raise ValueError(f"objective {objectives[0].name!r} takes no `{name}`; it takes {known}")
    if not taking:
        parameters = (parameter for own in objectives for parameter in own.parameters)
        known = [*FIELDS, *catalog.CHANGES, *parameters]
        raise ValueError(f"unknown field {name!r}; {catalog.suggest(name, known)}")
    found = number(value)
    faults = [parameter.check(found) for parameter in taking]
    if all(faults):
        raise ValueError(f"{name}: {faults[0]}")
    return found
