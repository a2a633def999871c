"""What items of text a study has: generated ones, those of files, those of the hub."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from distilscope import catalog
from distilscope.configuration.kinds import Count, Name, Strict, UserPath, Whole, whole

Rule = Literal["last-number", "first-letter", "first-keyword"]
"""A key of `data.tasks.parsing.RULES`."""


class Source(Strict):
    """What every source of texts has.

    Attributes:
        versions: of texts that a recipe's `taught` may name.
    """

    versions: ClassVar[tuple[str, ...]] = ("gold",)

    @property
    def files(self) -> dict[str, str]:
        """The user's files and folders, as typed, by the keys that name them."""
        return {}

    @property
    def chosen(self) -> list[str]:
        """The tasks by name, in their order."""
        return [task.name for task in self.tasks]

    @property
    def described(self) -> dict[str, Any]:
        """What the texts are a function of, beside those files."""
        return self.model_dump()

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


class Texts(Source):
    """Tasks that are generated: questions with answers, some with choices, some with a trace.

    `tasks` are names of tasks, or `all`; `train`, `held_out` and `test` are items of each of them.
    `facts` is the size of the table of facts; null is what the items for training allow.
    """

    versions = ("gold", "wrong-facts", "other-procedure")

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
    def described(self) -> dict[str, Any]:
        """With the tasks in their own order."""
        return {**self.model_dump(), "tasks": self.chosen}


class ItemLimit(Strict):
    """How many items of each part of a task are used, evenly spaced; null is all."""

    train: Count | None = None
    held_out: Count | None = None
    test: Count | None = None


class Task(Strict):
    """A task of items that somebody has.

    `prompt` is what a model is shown, with `{question}` in it; `target` what it learns to write
    where an item has a worked solution, with `{rationale}` and `{answer}`: without one it learns
    the answer. `parse` is the rule that reads an answer out of a text: null is `first-keyword` of
    items with choices and `last-number` of others.
    """

    name: Name
    prompt: str = "Question: {question}\nAnswer:"
    target: str = "{rationale}\nThe answer is {answer}"
    parse: Rule | None = None
    limit: ItemLimit = ItemLimit()

    @model_validator(mode="after")
    def _filled_in(self) -> Task:
        for key, wanted in (("prompt", "question"), ("target", "answer")):
            if f"{{{wanted}}}" not in getattr(self, key):
                raise ValueError(f"`{key}` of {self.name} has no {{{wanted}}}, which stands for it")
        return self

    def settings(self, kept_out: int | None) -> dict[str, Any]:
        """As the job that prepares them reads it.

        Args:
            kept_out: training items that are the held-out ones, where no part of their own is.
        """
        limit = {
            "train": self.limit.train,
            "held-out": self.limit.held_out,
            "test": self.limit.test,
        }
        own = self.model_dump(include={"name", "prompt", "target", "parse"})
        return {**own, "held_out": kept_out, "limit": limit}


class FileTask(Task):
    """A task whose items are files of JSON Lines: `question`, `answer`, and perhaps `choices` and
    `rationale`.

    `held_out` is a file, or how many of the training items are kept out of training. A task
    without `train` is only asked.
    """

    train: UserPath | None = None
    held_out: UserPath | Count | None = None
    test: UserPath

    @model_validator(mode="after")
    def _kept_out_of_something(self) -> FileTask:
        if isinstance(self.held_out, int) and self.train is None:
            raise ValueError(f"`held_out` of {self.name} is a part of `train`, which it has not")
        return self


class HubColumns(Strict):
    """Where a data set of the hub has what an item is made of.

    `question`, `answer` and `rationale` are texts with names of columns in braces. `choices` are
    a column, or a list of such texts; `labels` are the names that an answer calls them by, a
    column or a list. Of an answer with a worked solution before it, `behind` is the sign between
    them.
    """

    question: str
    answer: str
    choices: str | list[str] | None = None
    labels: str | list[str] | None = None
    rationale: str | None = None
    behind: str | None = None


class HubTask(Task):
    """A task that is a data set of the Hugging Face hub, by its name; parts are names of splits."""

    repository: str
    subset: str | None = None
    revision: str = "main"
    columns: HubColumns
    train: str | None = None
    held_out: str | Count | None = None
    test: str


def _each_name_once(tasks: list[Any]) -> list[Any]:
    names = [task.name for task in tasks]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the task {name!r} occurs twice")
    return tasks


class FileTexts(Source):
    """Tasks from files of JSON Lines, as tokens of a tokenizer that somebody has.

    `tokenizer` is a folder with `tokenizer.json` and `tokenizer_config.json`; `end` the token that
    ends a text, null for the folder's own. An item of more than `longest` tokens is left out and
    named; null leaves none out.
    """

    name: Literal["jsonl-tasks"]
    tokenizer: UserPath
    tasks: list[FileTask] = Field(min_length=1)
    end: str | None = None
    longest: Count | None = None

    @field_validator("tasks")
    @classmethod
    def _once(cls, value: list[FileTask]) -> list[FileTask]:
        return _each_name_once(value)

    @property
    def files(self) -> dict[str, str]:
        """The tokenizer, and the parts of the tasks."""
        found = {"tokenizer": self.tokenizer}
        for task in self.tasks:
            parts = {"train": task.train, "held-out": task.held_out, "test": task.test}
            found |= {f"{task.name}.{k}": v for k, v in parts.items() if isinstance(v, str)}
        return found

    @property
    def described(self) -> dict[str, Any]:
        """Without the places of files."""
        tasks = [
            task.settings(task.held_out if isinstance(task.held_out, int) else None)
            for task in self.tasks
        ]
        return {"name": self.name, "tasks": tasks, "end": self.end, "longest": self.longest}


class HubTexts(Source):
    """Tasks from the Hugging Face hub, by the names of their data sets; keys as `jsonl-tasks`."""

    name: Literal["hub-tasks"]
    tokenizer: UserPath
    tasks: list[HubTask] = Field(min_length=1)
    end: str | None = None
    longest: Count | None = None

    @field_validator("tasks")
    @classmethod
    def _once(cls, value: list[HubTask]) -> list[HubTask]:
        return _each_name_once(value)

    @property
    def files(self) -> dict[str, str]:
        """The tokenizer: the tasks come over the network."""
        return {"tokenizer": self.tokenizer}

    @property
    def described(self) -> dict[str, Any]:
        """Without the place of the tokenizer."""
        tasks = [
            {
                **task.settings(task.held_out if isinstance(task.held_out, int) else None),
                **task.model_dump(include={"repository", "subset", "revision", "columns"}),
                "parts": {
                    "train": task.train,
                    "held-out": task.held_out if isinstance(task.held_out, str) else None,
                    "test": task.test,
                },
            }
            for task in self.tasks
        ]
        return {"name": self.name, "tasks": tasks, "end": self.end, "longest": self.longest}
