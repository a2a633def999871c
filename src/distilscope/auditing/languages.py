"""What an audit asks of language models: folders as the hub has them, and tasks of the user's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from distilscope import optional
from distilscope.auditing import request
from distilscope.auditing.request import Given
from distilscope.data.task_splits import evenly
from distilscope.data.tasks.jsonl import read_jsonl
from distilscope.models import folder_settings

SOURCE, NETWORK = "jsonl-tasks", "transformers"
"""Of the items, and of models that are folders."""
ADAPTER, PICKLED = "adapter_config.json", "pytorch_model.bin"
TASK = "{name: sums, test: sums.jsonl, parse: last-number}"


def described(given: Given) -> Given:
    """The model of a folder, with what builds it and where its weights are.

    Raises:
        ValueError: it is no folder, none of a language model, or its weights can't be used.
    """
    folder = Path(given.weights).expanduser()
    if given.architecture is not None or not folder.is_dir():
        raise ValueError(
            f"{given.name}: --tasks are asked of language models, and each is a FOLDER "
            f"(config.json, *.safetensors, tokenizer.json); {given.weights!r} is none"
        )
    if (folder / ADAPTER).is_file() and not (folder / folder_settings.DESCRIPTION).is_file():
        raise ValueError(
            f"{given.name}: {folder} holds an adapter alone ({ADAPTER}): merge it into its model "
            "(`merge_and_unload` of peft), save that with its tokenizer and give its folder"
        )
    own = replace(given, architecture=NETWORK, settings={"folder": given.weights})
    description(own)
    return replace(own, weights=_weights(given, folder))


def _weights(given: Given, folder: Path) -> str:
    """The folder itself where it holds safetensors, or else its one file of weights."""
    if any(folder.glob("*.safetensors")):
        if kind := _quantised(folder):
            raise ValueError(
                f"{given.name}: {folder} holds weights of whole numbers ({kind}), and floating "
                "ones are read: give the model as it was before, or `dequantize` it and save it"
            )
        return given.weights
    if (folder / PICKLED).is_file():
        return str(Path(given.weights) / PICKLED)
    raise ValueError(
        f"{given.name}: {folder} holds no weights: expected *.safetensors or {PICKLED}"
    )


def _quantised(folder: Path) -> str:
    """How the weights of a folder were made whole numbers, as it says; '' where they were not."""
    from safetensors import SafetensorError, safe_open

    told = json.loads((folder / folder_settings.DESCRIPTION).read_text(encoding="utf-8"))
    if not isinstance(told, dict) or not told.get("quantization_config"):
        return ""
    try:
        for path in sorted(folder.glob("*.safetensors")):
            with safe_open(path, "pt") as file:
                # The open file is no mapping: it has `keys` and can't be iterated over.
                kinds = {file.get_slice(name).get_dtype()[0] for name in file.keys()}  # noqa: SIM118
                if kinds & {"I", "U"}:
                    return str(told["quantization_config"].get("quant_method", "quantised"))
    except SafetensorError:
        return ""  # the job that opens it says what is wrong with it
    return ""


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
