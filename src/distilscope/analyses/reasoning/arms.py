"""The arms of a grid: each objective with its parameters, and the network that it trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from distilscope import catalog
from distilscope.configuration.grid import GridEntry, TaughtEntry


@dataclass
class Arm:
    """An objective with its parameters, of one network, whoever teaches.

    Attributes:
        student: the network's name.
        entries: those of the grid that have it, at least one.
    """

    student: str
    objective: str
    parameters: Mapping[str, float]
    entries: list[GridEntry] = field(default_factory=list)

    @property
    def words(self) -> str:
        """`kd T 1 alpha 1`, of any network."""
        return " ".join([self.objective, *(f"{k} {v:g}" for k, v in self.parameters.items())])

    def tried(self, seed: int, lr: float) -> GridEntry:
        """The first of its entries with this network, one seed, learning rate and teacher."""
        entry = self.entries[0]
        asked: dict[str, Any] = {name: [value] for name, value in self.parameters.items()}
        asked |= {"students": [self.student], "seeds": [seed], "lr": lr}
        if isinstance(entry, TaughtEntry):
            named = isinstance(entry.teachers, list)
            asked["teachers"] = entry.teachers[:1] if named else None
            asked["committee"] = entry.committee[:1] if entry.committee else None
        return entry.model_copy(update=asked)


def arms(configuration: Any) -> list[Arm]:
    """The arms of a configuration's grid, in its order."""
    found: dict[tuple, Arm] = {}
    for entry in configuration.grid:
        for parameters in entry.combinations():
            objective = catalog.OBJECTIVES[entry.objective].reduced(dict(parameters))
            kept = catalog.OBJECTIVES[objective].parameters
            own = {name: value for name, value in parameters if name in kept}
            for student in entry.students:
                key = (student, objective, tuple(own.items()))
                # The entry as it is written: what it reduces to is found again by the plan.
                arm = found.setdefault(key, Arm(student, entry.objective, dict(parameters)))
                arm.entries.append(entry)
    return list(found.values())
