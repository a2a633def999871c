"""What items of text a study has: generated ones, those of files, those of the hub."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from distilscope import catalog
from distilscope.configuration.kinds import Count, Name, Strict, UserPath, Whole, each_once, whole

NAMED_COLUMN = re.compile(r"\{([^{}]+)\}")
"""A column of a data set by its name, or by the path into it, within a text."""

Rule = Literal["last-number", "first-letter", "first-keyword"]
"""A key of `data.tasks.parsing.RULES`."""


class Source(Strict):
    """What every source of texts has.

    Attributes:
        versions: of texts that a recipe's `taught` may name.
    """

    versions: ClassVar[tuple[str, ...]] = ("gold",)

    def check_trained_on(self) -> None:
        """Refuse texts of which nothing can be learnt: these have a part for it."""

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
        if isinstance(value, list):
            for name in value:
                catalog.lookup(catalog.TASKS, name, "task")
            each_once(value, "task")
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
    train: str | None = None
    held_out: str | Count | None = None
    test: str

    @model_validator(mode="after")
    def _filled_in(self) -> Task:
        for key, wanted in (("prompt", "question"), ("target", "answer")):
            if f"{{{wanted}}}" not in getattr(self, key):
                raise ValueError(f"`{key}` of {self.name} has no {{{wanted}}}, which stands for it")
        if isinstance(self.held_out, int) and self.train is None:
            raise ValueError(f"`held_out` of {self.name} is a part of `train`, which it has not")
        return self

    @property
    def parts(self) -> dict[str, str | None]:
        """What its parts are, by their names here; None where there is no such part."""
        held_out = self.held_out if isinstance(self.held_out, str) else None
        return {"train": self.train, "held-out": held_out, "test": self.test}

    @property
    def settings(self) -> dict[str, Any]:
        """As the job that prepares them reads it: `held_out` is a number of training items."""
        limit = self.limit
        return {
            **self.model_dump(include={"name", "prompt", "target", "parse"}),
            "held_out": self.held_out if isinstance(self.held_out, int) else None,
            "limit": {"train": limit.train, "held-out": limit.held_out, "test": limit.test},
        }


class FileTask(Task):
    """A task whose items are files of JSON Lines: `question`, `answer`, and perhaps `choices` and
    `rationale`.

    `held_out` is a file, or how many of the training items are kept out of training. A task
    without `train` is only asked.
    """

    train: UserPath | None = None
    held_out: UserPath | Count | None = None
    test: UserPath


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

    @model_validator(mode="after")
    def _makes_items(self) -> HubColumns:
        if self.labels is not None and self.choices is None:
            raise ValueError("`labels` are the names of `choices`, which are left out: give both")
        several = self.choices if isinstance(self.choices, list) else []
        for text in (self.question, *several, *filter(None, [self.rationale])):
            if set("{}") & set(NAMED_COLUMN.sub("", text)):
                raise ValueError(f"{text!r} has a brace that is no name's: columns are {{name}}")
        if not NAMED_COLUMN.search(self.question):
            raise ValueError(f"`question` names no column, such as {{question}}: {self.question!r}")
        return self


class HubTask(Task):
    """A task that is a data set of the Hugging Face hub, by its name; parts are names of splits."""

    repository: str
    subset: str | None = None
    revision: str = "main"
    columns: HubColumns

    @property
    def settings(self) -> dict[str, Any]:
        """With the data set and its splits."""
        own = self.model_dump(include={"repository", "subset", "revision", "columns"})
        return {**super().settings, **own, "parts": self.parts}


class OwnTexts(Source):
    """Tasks that somebody has, as tokens of a tokenizer that somebody has."""

    tokenizer: UserPath
    tasks: list[Task] = Field(min_length=1)
    end: str | None = None
    longest: Count | None = None

    @field_validator("tasks")
    @classmethod
    def _each_once(cls, value: list[Task]) -> list[Task]:
        each_once([task.name for task in value], "task")
        return value

    def check_trained_on(self) -> None:
        """Refuse tasks of which nothing can be learnt.

        Raises:
            ValueError: there is no part to learn from, or none to look at meanwhile.
        """
        if all(task.train is None for task in self.tasks):
            raise ValueError(
                "data.tasks: no task has `train`: give at least one something to learn from, or "
                "only models that are given (`weights`)"
            )
        if not self.held_out:
            raise ValueError(
                "data.tasks: no task has `held_out`, items that are neither trained on nor in the "
                "test: give a task with choices one, or the number of training items that are kept "
                "for it"
            )

    @property
    def held_out(self) -> bool:
        """Whether there are items that are neither trained on nor in the test."""
        return any(task.held_out is not None for task in self.tasks)

    @property
    def files(self) -> dict[str, str]:
        """The tokenizer, and the parts of the tasks that are files."""
        own = [task for task in self.tasks if isinstance(task, FileTask)]
        parts = ((f"{task.name}.{k}", v) for task in own for k, v in task.parts.items())
        return {
            "tokenizer": self.tokenizer,
            **{key: place for key, place in parts if place is not None},
        }

    @property
    def described(self) -> dict[str, Any]:
        """Without the places of files."""
        own = {"name": self.name, "end": self.end, "longest": self.longest}
        return {**own, "tasks": [task.settings for task in self.tasks]}


class FileTexts(OwnTexts):
    """Tasks from files of JSON Lines, as tokens of a tokenizer that somebody has.

    `tokenizer` is a folder with `tokenizer.json` and `tokenizer_config.json`; `end` the token that
    ends a text, null for the folder's own. An item of more than `longest` tokens is left out and
    named; null leaves none out.
    """

    name: Literal["jsonl-tasks"]
    tasks: list[FileTask] = Field(min_length=1)


TASKS = ("hub-tasks", "jsonl-tasks")
"""What a task beside those of the hub may be: of which section it is."""
OF_THE_HUB = HubTask.model_fields.keys() - FileTask.model_fields.keys()


def _kind(value: Any) -> str:
    """Which section a task is of: that of files, unless it has a key that these tasks lack."""
    hub = OF_THE_HUB & value.keys() if isinstance(value, dict) else isinstance(value, HubTask)
    return TASKS[0] if hub else TASKS[1]


class HubTexts(OwnTexts):
    """Tasks from the Hugging Face hub, by the names of their data sets; keys as `jsonl-tasks`.

    A task without `repository` and `columns` is one of files, as in `jsonl-tasks`.
    """

    name: Literal["hub-tasks"]
    tasks: list[
        Annotated[
            Annotated[HubTask, Tag(TASKS[0])] | Annotated[FileTask, Tag(TASKS[1])],
            Discriminator(_kind),
        ]
    ] = Field(min_length=1)
