"""What items of text a study has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from distilscope import catalog
from distilscope.configuration.kinds import Count, Name, Strict, Whole, whole


class Texts(Strict):
    """Tasks that are generated: questions with answers, some with choices, some with a trace.

    `tasks` are names of tasks, or `all`; `train`, `held_out` and `test` are items of each of them.
    `facts` is the size of the table of facts; null is what the items for training allow.
    """

    name: Literal["generated-tasks"]
    tasks: list[Name] | Literal["all"] = Field(default="all")
    train: Count
    held_out: Count
    test: Count
    seed: Whole = 0
    facts: Annotated[int, Field(ge=4), BeforeValidator(whole)] | None = None

    @field_validator("tasks")
    @classmethod
    def _each_once(cls, value: list[str] | str) -> list[str] | str:
        if value == []:
            raise ValueError("the list is empty: give names of tasks, or `all`")
        for name in value if isinstance(value, list) else []:
            catalog.lookup(catalog.TASKS, name, "task")
            if value.count(name) > 1:
                raise ValueError(f"the task {name!r} occurs twice")
        return value

    @model_validator(mode="after")
    def _with_choices(self) -> Texts:
        if not any(catalog.TASKS[name].choices for name in self.chosen):
            able = ", ".join(name for name, task in catalog.TASKS.items() if task.choices)
            raise ValueError(
                f"`tasks` has none with choices, by which models are compared: add one of {able}"
            )
        if self.facts and self.facts > self.train:
            raise ValueError(
                f"`facts` is {self.facts} and there are {self.train} items of the task for "
                "training: a fact that is never shown can't be learnt; give at most as many"
            )
        return self

    @property
    def chosen(self) -> list[str]:
        """The tasks in their own order, whatever that of the list."""
        return [name for name in catalog.TASKS if self.tasks == "all" or name in self.tasks]

    @property
    def labelled(self) -> bool:
        """Whether the items have answers."""
        return True

    @property
    def classes(self) -> None:
        """The positions of choices are all that models know."""
        return None

    @property
    def image_size(self) -> None:
        """Items have no pixels."""
        return None
