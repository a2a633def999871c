"""A condition: how a model came to be, apart from its seed. It is the key of all grouping.

Seeds are pooled by it, claims address models by it, tables and figures are ordered by it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ROLES = ("teacher", "twin", "committee", "student", "twin-taught", "control", "floor")
"""In the order of tables and figures."""

LEARNERS = ("student", "control")
"""The roles that a pattern without `role` addresses."""


@dataclass(frozen=True)
class Condition:
    """How a model came to be, apart from its seed.

    Attributes:
        role: what it is in an argument, one of `ROLES`.
        network: name of the teacher or student in the configuration.
        source: `trained`, `given`, `randomised` or `combined`.
        objective: name of the loss; None where nothing was trained.
        parameters: (name, value) of the objective, in its own order.
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

    @property
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


def _is(own: Any, wanted: Any) -> bool:
    if isinstance(wanted, list) and not isinstance(own, list):
        return any(_is(own, one) for one in wanted)
    return own == wanted


def nearest(pattern: Mapping[str, Any], conditions: Iterable[Condition]) -> Condition | None:
    """The condition that agrees with most of a pattern's fields; None where there is none."""

    def agreed(condition: Condition) -> int:
        fields = condition.fields
        return sum(_is(fields.get(name), value) for name, value in pattern.items())

    return max(conditions, key=agreed, default=None)
