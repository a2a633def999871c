"""A model of a study, as the plan knows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from distilscope import catalog
from distilscope.configuration.kinds import ConfigurationError
from distilscope.planning.artefact import Artefact
from distilscope.planning.conditions import Condition

FAMILY = ("teacher", "twin")


@dataclass(frozen=True)
class Model:
    """A model of the study.

    Attributes:
        id: its condition's name and its seed; its name in every table.
        condition: how it came to be, apart from the seed.
        teachers: ids of the models that it learned from.
        references: ids of the models that stand for its teacher: it is compared with them, its own
            first. None where it is the first of its family.
        original: id of the model that it was made of without training; None where it was not.
        layers: name -> module path, input to output. explained: those whose maps are kept, the
            last block first. head: path of the linear layer behind it, or None.
        preprocessing: its own mean and std, or None for the data set's.
    """

    id: str
    condition: Condition
    seed: int
    artefact: Artefact
    architecture: str | None
    layers: Mapping[str, str]
    explained: tuple[str, ...]
    head: str | None
    preprocessing: Mapping[str, Any] | None
    teachers: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    original: str | None = None

    @property
    def role(self) -> str:
        """Of its condition."""
        return self.condition.role

    @property
    def network(self) -> str:
        """Of its condition."""
        return self.condition.network

    @property
    def reference(self) -> str | None:
        """The first of its references."""
        return self.references[0] if self.references else None

    @property
    def words(self) -> str:
        """`student 'tiny' (kd, T 2.0, alpha 0.9, seed 1)`."""
        own = self.condition
        parameters = [f"{name} {value!r}" for name, value in own.parameters]
        objective = [own.objective] if own.objective else []
        kind = "the untrained" if own.role == "floor" else own.role
        details = ", ".join([*objective, *parameters, f"seed {self.seed}"])
        return f"{kind} {own.network!r} ({details})"


def named(name: str, models: Iterable[Model], where: str) -> Model:
    """The model of that id, or the first of the teacher or student of that name.

    Raises:
        ConfigurationError: there is none; `where` is the setting that names it.
    """
    models = list(models)
    for key in ("id", "network"):
        for model in models:
            if getattr(model, key) == name and model.role not in ("floor", "committee"):
                return model
    known = dict.fromkeys(name for model in models for name in (model.network, model.id))
    raise ConfigurationError(f"{where}: no model {name!r}; {catalog.suggest(name, known)}")
