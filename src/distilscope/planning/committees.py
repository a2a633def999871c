"""Committees: several teachers that answer as one."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from distilscope.configuration.grid import TaughtEntry
from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.networks import Teacher
from distilscope.configuration.shared_classes import composed, first
from distilscope.configuration.study import Configuration
from distilscope.planning import labels
from distilscope.planning.conditions import Condition
from distilscope.planning.families import Families
from distilscope.planning.model import Model
from distilscope.planning.settings import classes_of
from distilscope.planning.sources import Sources


class Committees:
    """The committees of a study; each is made once, whatever learns from it.

    Attributes:
        found: those that were asked for, by their members and how they answer.
    """

    def __init__(self, families: Families, sources: Sources) -> None:
        self.families, self.sources = families, sources
        self.found: dict[tuple[str, ...], Model] = {}

    def of(self, members: Sequence[Model], combine: str | None) -> Model:
        """The committee as one model, for students that learn from it by `combine`.

        The mean of the losses by Kullback-Leibler divergences is, but for a constant, the loss
        from the mean of the probabilities, so that both stand beside the same committee.

        Committees that serve the students' seeds in turn are one condition, as their students are:
        seeds are pooled over them.
        """
        how = "logits" if combine == "logits" else "probabilities"
        names = tuple(self.families.name(member) for member in members)
        if (*names, how) not in self.found:
            entries, seed = tuple(member.network for member in members), self._seed(members)
            named = _condition(names, how)
            self.found[(*names, how)] = Model(
                id=labels.key(named),
                condition=named if seed is None else _condition(entries, how),
                seed=seed or 0,
                # The file's name leaves the members out: another label of theirs renames no file.
                artefact=self.sources.combined(f"committee-{how}", members, how),
                architecture=None,
                layers={},
                explained=(),
                head=None,
                preprocessing=_shared_preprocessing(members),
                teachers=tuple(member.id for member in members),
            )
        return self.found[(*names, how)]

    def _seed(self, members: Sequence[Model]) -> int | None:
        """The first seed of the students whose teachers of these entries are the members."""
        entries, seeds = [member.network for member in members], self.families.configuration.seeds
        for seed in sorted(seeds):
            if [self.families.teacher(name, seed) for name in entries] == list(members):
                return seed
        return None


def _condition(teachers: tuple[str, ...], how: str) -> Condition:
    return Condition("committee", "committee", "combined", None, (), teachers, how)


def check_classes(configuration: Configuration) -> None:
    """Refuse a committee of which a member knows a class of the data and another does not.

    The views need no check: all tables of a student are of its own recipe's views, whatever its
    teachers were trained with, and members' inputs are compared by `_shared_preprocessing`.

    Raises:
        ConfigurationError: naming both members, the class and both lists.
    """
    known = configuration.data.classes  # pictures, whose classes may be a file, train nobody
    if not isinstance(known, list):
        return
    entries = [entry for entry in configuration.grid if isinstance(entry, TaughtEntry)]
    for members in (members for entry in entries for members in entry.committee or ()):
        names = list(dict.fromkeys(member.partition(".")[0] for member in members))
        lists = {name: _classes(name, configuration.teachers[name], known) for name in names}
        for name, other in itertools.permutations(names, 2):
            lacked = {composed(own) for own in known} - set(lists[other])
            missing = [own for own in lists[name] if own in lacked]
            if missing:
                raise ConfigurationError(
                    f"grid: {name} and {other} can't be of one committee: {name} knows the class "
                    f"{missing[0]!r} and {other} does not. The classes of {name} are "
                    f"{first(lists[name])}; those of {other} are "
                    f"{first(lists[other])}. Leave one of them out, or set `data.classes` "
                    "to those that both know"
                )


def _classes(name: str, entry: Teacher, known: list[str]) -> list[str]:
    """The classes that a teacher knows: its own where it is given with them, or the data's."""
    return classes_of(name, entry) if entry.classes else [composed(own) for own in known]


def _shared_preprocessing(members: Sequence[Model]) -> Mapping[str, Any] | None:
    """The preprocessing of a committee, which hands the same input to all of its members.

    Raises:
        ConfigurationError: theirs differ.
    """
    first = members[0]
    for member in members:
        if member.preprocessing != first.preprocessing:
            raise ConfigurationError(
                f"grid: {first.id} and {member.id} can't be of one committee: their "
                f"`preprocessing` is {first.preprocessing} and {member.preprocessing}, and "
                "members take the same input"
            )
    return first.preprocessing
