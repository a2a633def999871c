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

ROLES = ("teacher", "twin", "committee", "student", "twin-taught", "control", "floor")
"""What a condition is in an argument, in the order of tables and figures."""

LEARNERS = ("student", "control")
"""The roles that a pattern without `role` addresses."""

CHOICES = {"role": ROLES, "combine": COMBINE}
TEXTS = ("network", "source", "teacher", "views")
FIELDS = ("role", "network", "source", "objective", "teacher", "teachers", "combine", "views")
"""The fields of a condition that a pattern may name, beside its objective's parameters."""

TAUGHT_BY = {"teacher": {}, "twin": {"role": "twin-taught"}}


def checked(value: Any) -> dict[str, Any]:
    """A pattern in its plain form: `taught_by: twin` is `role: twin-taught`.

    Raises:
        ValueError: it is no mapping, a field is unknown, or a value can't be that field's.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"expected a pattern such as {{objective: ce}}, got {value!r:.60}")
    pattern = dict(value)
    if "taught_by" in pattern:
        role = catalog.lookup(TAUGHT_BY, pattern.pop("taught_by"), "value of `taught_by`")
        pattern = {**pattern, **role}
    objectives = _objectives(pattern)
    found = {name: _value(name, wanted, objectives) for name, wanted in pattern.items()}
    if found.get("role") == "twin-taught" and not any(o.needs_teacher for o in objectives):
        raise ValueError(f"objective {found['objective']!r} learns from no teacher or twin")
    return found


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
    role = " or ".join(values(pattern, "role")) or "student"
    twin = role == "twin-taught"
    who = [*_listed(pattern, "network"), "student" if twin else role]
    under = [
        *_listed(pattern, "objective"),
        *(
            f"{name}={' or '.join(_listed(pattern, name, joined=False))}"
            for name in pattern
            if name not in ("role", "network", "objective", "teacher", "teachers")
        ),
    ]
    taught = [*_listed(pattern, "teacher"), *pattern.get("teachers", [])]
    return " ".join(
        [
            *who,
            *(["under", *under] if under else []),
            *(["from", " and ".join(taught)] if taught else []),
            *(["from the twin"] if twin else []),
        ]
    )


def _listed(pattern: Mapping[str, Any], name: str, *, joined: bool = True) -> list[str]:
    spelt = [f"{v:g}" if isinstance(v, (int, float)) else str(v) for v in values(pattern, name)]
    return [" or ".join(spelt)] if spelt and joined else spelt


def _objectives(pattern: Mapping[str, Any]) -> list[Objective]:
    """Those that a pattern names; all where it names none."""
    named = values(pattern, "objective")
    found = [catalog.lookup(catalog.OBJECTIVES, name, "objective") for name in named]
    return found or list(catalog.OBJECTIVES.values())


def _value(name: str, wanted: Any, objectives: list[Objective]) -> Any:
    """A field's value, or list of values, once each is known to be one of that field."""
    if name not in FIELDS:
        return _each(name, wanted, lambda value: _parameter(name, value, objectives))
    if name == "teachers":
        if not isinstance(wanted, list):
            raise ValueError(f"teachers: expected a list of names, got {wanted!r:.60}")
        return [_text(name, value) for value in wanted]
    if name in CHOICES:
        known = dict.fromkeys(CHOICES[name])
        return _each(name, wanted, lambda value: catalog.lookup(known, value, name) or value)
    return _each(name, wanted, lambda value: _text(name, value))


def _each(name: str, wanted: Any, check: Any) -> Any:
    if wanted == []:
        raise ValueError(f"{name}: the list is empty: give at least one value")
    return [check(value) for value in wanted] if isinstance(wanted, list) else check(wanted)


def _parameter(name: str, value: Any, objectives: list[Objective]) -> float:
    taking = [objective for objective in objectives if name in objective.parameters]
    if not taking:
        if any(name in objective.parameters for objective in catalog.OBJECTIVES.values()):
            raise ValueError(f"objective {objectives[0].name!r} takes no `{name}`")
        known = [*FIELDS, *(p for o in objectives for p in o.parameters)]
        raise ValueError(f"unknown field {name!r}; {catalog.suggest(name, known)}")
    found = number(value)
    faults = [objective.parameters[name].check(found) for objective in taking]
    if all(faults):
        raise ValueError(f"{name}: {faults[0]}")
    return found


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name}: expected text, got {value!r:.60}")
    return value
