"""What an audit asks of language models: folders as the hub has them, and tasks of the user's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from distilscope import optional
from distilscope.auditing import request
from distilscope.auditing.request import Given
from distilscope.data.task_files import evenly
from distilscope.data.tasks.jsonl import read_jsonl
from distilscope.models import folder_settings

SOURCE, NETWORK = "jsonl-tasks", "transformers"
"""Of the items, and of models that are folders."""
TASK = "{name: sums, test: sums.jsonl, parse: last-number}"


def described(given: Given) -> Given:
    """The model of a folder, with what builds it.

    Raises:
        ValueError: it is no folder, or none of a language model.
    """
    if given.architecture is not None or not Path(given.weights).expanduser().is_dir():
        raise ValueError(
            f"{given.name}: --tasks are asked of language models, and each is a FOLDER "
            f"(config.json, *.safetensors, tokenizer.json); {given.weights!r} is none"
        )
    return replace(given, architecture=NETWORK, settings={"folder": given.weights})


def data(
    models: Sequence[Given], typed: Sequence[str], limit: int | None
) -> tuple[dict[str, Any], int]:
    """The section `data` of tasks as they are typed, and how many of its items have choices.

    The tokenizer is the first model's, whose tokens every other has to share. Items that are longer
    than the shortest context are left out.

    Raises:
        ValueError: a task can't be read, or the libraries are not installed.
    """
    need = "language models need the extra `language`"
    optional.load("tokenizers", need, "pip install 'distilscope[language]'")
    tasks = [_task(text, limit) for text in typed]
    contexts = [description(model)["context"] for model in models]
    known = [context for context in contexts if context]
    longest = {"longest": min(known)} if known else {}
    found = {"name": SOURCE, "tokenizer": models[0].weights, **longest, "tasks": tasks}
    return found, sum(map(_with_choices, tasks))


def _task(typed: str, limit: int | None) -> dict[str, Any]:
    """The entry of a task: of a file, named as that, or of a mapping."""
    own = {"name": request.name_of(Path(typed).stem), "test": typed}
    if typed.lstrip().startswith("{"):
        own = dict(request.mapping("--tasks", typed, TASK))
    return {**own, **({"limit": {"test": limit}} if limit is not None else {})}


def description(model: Given) -> dict[str, Any]:
    """What the folder of a model says of its network: `configuration`, `context` ...

    Raises:
        ValueError, OSError: it describes no language model.
    """
    return folder_settings.described({**model.settings, "first": 0, "last": 0})


def _with_choices(task: Mapping[str, Any]) -> int:
    """Items of the test that have choices: what is compared by logits."""
    if not isinstance(task.get("test"), str):
        return 0  # the study says what it misses
    items = read_jsonl(Path(task["test"]).expanduser())
    limit = task.get("limit") or {}
    return sum(bool(item.choices) for item in evenly(items, limit.get("test")))
