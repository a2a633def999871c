"""How a model is trained: by which recipe, under which objective, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distilscope import catalog
from distilscope.configuration.recipes import Recipe
from distilscope.training.objectives.declaration import Objective

if TYPE_CHECKING:
    from distilscope.planning.model import Model


@dataclass(frozen=True)
class Training:
    """All of it but the network and the seed.

    Attributes:
        objective: its name. parameters: the pairs of its own parameters.
        teachers: empty where it learns from labels alone. combine: how several act as one.
        in_training_mode: whether teachers normalise each batch by itself.
    """

    recipe: Recipe
    objective: str
    parameters: tuple[tuple[str, Any], ...] = ()
    teachers: tuple[Model, ...] = ()
    combine: str | None = None
    in_training_mode: bool = False

    @property
    def declared(self) -> Objective:
        """The declaration of its objective."""
        return catalog.OBJECTIVES[self.objective]

    @property
    def online(self) -> bool:
        """Whether teachers are asked at each step, and not once for a table."""
        asked = self.in_training_mode or self.declared.on_policy is not None
        return asked or self.recipe.targets == "online"

    def settings(self) -> dict[str, Any]:
        """What of it the job gets beside the recipe."""
        combine = self.combine if len(self.teachers) > 1 else None
        return {
            "objective": self.declared.settings(dict(self.parameters), combine),
            **({"teachers_in_training_mode": True} if self.in_training_mode else {}),
        }
