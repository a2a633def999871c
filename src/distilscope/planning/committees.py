"""Committees: several teachers that answer as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from distilscope.configuration.kinds import ConfigurationError
from distilscope.planning import labels
from distilscope.planning.conditions import Condition
from distilscope.planning.families import Families
from distilscope.planning.model import Model
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
        """
        how = "logits" if combine == "logits" else "probabilities"
        names = tuple(self.families.name(member) for member in members)
        if (*names, how) not in self.found:
            condition = Condition("committee", "committee", "combined", None, (), names, how)
            self.found[(*names, how)] = Model(
                id=labels.key(condition),
                condition=condition,
                seed=0,
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
