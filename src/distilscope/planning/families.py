"""The teachers of a study by their entries, and which of them a student learns from."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from distilscope.configuration.grid import TaughtEntry
from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.study import Configuration

if TYPE_CHECKING:
    from distilscope.planning.model import Model


class Families:
    """The teachers and twins of each teacher entry.

    Args:
        configuration: of the study.
        members: name of the entry -> its teachers, then its twins.
    """

    def __init__(self, configuration: Configuration, members: Mapping[str, list[Model]]) -> None:
        self.configuration, self.members = configuration, members

    def of(self, entry: TaughtEntry) -> list[str]:
        """The teacher entries that an entry of the grid learns from, one at a time."""
        if entry.committee:
            return []
        if entry.teachers == "each":
            return list(self.members)
        return entry.teachers or [next(iter(self.members))]

    def teacher(self, name: str, seed: int) -> Model:
        """Student seed i, counted over the study, learns from teacher i mod m of an entry."""
        teachers = [model for model in self.members[name] if model.role == "teacher"]
        return teachers[self._place_of_seed[seed] % len(teachers)]

    def twin(self, reference: Model) -> Model:
        """Another model of a teacher's family: the next of its teachers and twins."""
        family = self.members[reference.network]
        if len(family) < 2:
            raise ConfigurationError(
                f"grid: `taught_by: twin` needs another model like {reference.id}; give teacher "
                f"{reference.network!r} a seed in `twins`, or another in `seeds`"
            )
        return family[(family.index(reference) + 1) % len(family)]

    def committee(self, names: Sequence[str], seed: int) -> list[Model]:
        """The models that the members of a committee name: `entry`, or `entry.seed`."""
        found = [self._member(name, seed) for name in names]
        for model in found:
            if found.count(model) > 1:
                raise ConfigurationError(
                    f"grid: in the committee {list(names)} of seed {seed} two members are "
                    f"{model.id}; a committee has each of its members once"
                )
        return found

    def name(self, model: Model) -> str:
        """What names one model: its entry, and its seed where the entry has several."""
        several = len(self.members[model.network]) > 1
        return f"{model.network}.{model.seed}" if several else model.network

    def _member(self, name: str, seed: int) -> Model:
        entry, _, wanted = name.partition(".")
        if not wanted:
            return self.teacher(entry, seed)
        return next(model for model in self.members[entry] if model.seed == int(wanted))

    @cached_property
    def _place_of_seed(self) -> dict[int, int]:
        """Every seed of students in the order of the configuration: the study's, then entries' own.

        One order for all entries, so that a seed has one teacher wherever it is trained.
        """
        own = (entry.seeds or [] for entry in self.configuration.grid)
        known = dict.fromkeys(itertools.chain(self.configuration.seeds, *own))
        return {seed: place for place, seed in enumerate(known)}
