"""A condition: how a model came to be, apart from its seed. It is the key of all grouping.

Seeds are pooled by it, claims address models by it, tables and figures are ordered by it.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from distilscope.configuration.patterns import LEARNERS, is_open

NAMED_ONLY = ("role", "source")
"""Fields by which conditions may differ side by side, unless a pattern lists several values."""

NOTHING = (None, [])
"""What a field holds where a condition doesn't have it."""


@dataclass(frozen=True)
class Condition:
    """How a model came to be, apart from its seed.

    Attributes:
        role: what it is in an argument, one of `configuration.patterns.ROLES`.
        network: name of the teacher or student in the configuration.
        source: `trained`, `given`, `randomised`, `combined`, `compressed` or `perturbed`.
        objective: name of the loss; None where nothing was trained.
        parameters: (name, value) of the objective, in its own order, then what was done to the
            finished model (`catalog.CHANGES`).
        teachers: names of the teachers that it learns from: one, or a committee. `entry` for any
            seed of that entry, `entry.seed` for one model.
        combine: how a committee's logits are combined: `losses`, `logits` or `probabilities`.
        views: how its training inputs vary: the policy; None where nothing was trained.
    """

    role: str
    network: str
    source: str = "trained"
    objective: str | None = None
    parameters: tuple[tuple[str, Any], ...] = ()
    teachers: tuple[str, ...] = ()
    combine: str | None = None
    views: str | None = None

    @cached_property
    def fields(self) -> dict[str, Any]:
        """What a pattern may name: the fields, each parameter by its own name, and `teacher`."""
        return {
            "role": self.role,
            "network": self.network,
            "source": self.source,
            "objective": self.objective,
            "teachers": list(self.teachers),
            "teacher": self.teachers[0] if len(self.teachers) == 1 else None,
            "combine": self.combine,
            "views": self.views,
            **dict(self.parameters),
        }

    def matches(self, pattern: Mapping[str, Any]) -> bool:
        """Whether every field that a pattern names has that value, or is in that list of values.

        A pattern that names no role addresses students and controls.
        """
        fields = self.fields
        wanted = {"role": list(LEARNERS), **pattern}
        return all(_is(fields.get(name), value) for name, value in wanted.items())

    def record(self) -> dict[str, Any]:
        """A row of `conditions.parquet`, without its name, label and derived columns."""
        return {
            "role": self.role,
            "network": self.network,
            "source": self.source,
            "objective": self.objective,
            "parameters": json.dumps(dict(self.parameters)),
            "teachers": json.dumps(list(self.teachers)),
            "combine": self.combine,
            "views": self.views,
        }

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Condition:
        """From a row of `conditions.parquet`, or what `record` gave."""
        text = {
            key: row[key] if isinstance(row[key], str) else None
            for key in ("role", "network", "source", "objective", "combine", "views")
        }
        return cls(
            parameters=tuple(json.loads(row["parameters"]).items()),
            teachers=tuple(json.loads(row["teachers"])),
            **text,
        )


def alike(
    first: Condition,
    of_first: Mapping[str, Any],
    second: Condition,
    of_second: Mapping[str, Any],
) -> bool:
    """Whether two conditions agree in every field that the patterns they match both leave open.

    A field that one of them doesn't have, such as the teacher of a control, sets nothing apart.
    """
    left, right = first.fields, second.fields
    return all(
        left[name] == right[name] or left[name] in NOTHING or right[name] in NOTHING
        for name in left.keys() & right.keys()
        if _is_open(of_first, name) and _is_open(of_second, name)
    )


def _is_open(pattern: Mapping[str, Any], name: str) -> bool:
    if name in NAMED_ONLY and name not in pattern:
        return False
    if name in ("teacher", "teachers"):
        return is_open(pattern, "teacher") and is_open(pattern, "teachers")
    return is_open(pattern, name)


def _is(own: Any, wanted: Any) -> bool:
    if isinstance(wanted, list) and not isinstance(own, list):
        return any(_is(own, one) for one in wanted)
    return own == wanted


def nearest(pattern: Mapping[str, Any], conditions: Iterable[Condition]) -> Condition | None:
    """The condition that agrees with most of a pattern's fields; None where there is none.

    Of those that agree with as many, the one whose other values lie closest.
    """
    wanted = {"role": list(LEARNERS), **pattern}

    def agreement(condition: Condition) -> tuple[int, float]:
        own = [(condition.fields.get(name), value) for name, value in wanted.items()]
        return sum(_is(*pair) for pair in own), sum(_closeness(*pair) for pair in own)

    return max(conditions, key=agreement, default=None)


def _closeness(own: Any, wanted: Any) -> float:
    """From 0 to 1 for an equal value."""
    if isinstance(wanted, list) and not isinstance(own, list):
        return max((_closeness(own, one) for one in wanted), default=0.0)
    if isinstance(own, str) and isinstance(wanted, str):
        return difflib.SequenceMatcher(None, own, wanted).ratio()
    if isinstance(own, (int, float)) and isinstance(wanted, (int, float)):
        return 1.0 / (1.0 + abs(own - wanted))
    return float(own == wanted)
