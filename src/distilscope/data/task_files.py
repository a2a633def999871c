"""Texts of tasks that people have: items of JSON Lines, as tokens of a tokenizer that they have."""

from __future__ import annotations

import json
import logging
import string
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from distilscope import store
from distilscope.data.raw import BadData
from distilscope.data.tasks.items import Item
from distilscope.data.tasks.jsonl import Read, read_jsonl
from distilscope.data.texts import SPLITS, write_items
from distilscope.planning.job import Job
from distilscope.workflow.provenance import Stopwatch, write_run

if TYPE_CHECKING:
    from tokenizers import Tokenizer

APART = 10_000_000
"""Indices of a task's items begin that far behind those of the task before it."""
FIRST = {"test": 0, "held-out": 3_000_000, "train": 6_000_000}
"""Where the indices of a split begin within its task: an item's index is its line's."""
NAMED = 3
"""Items that a message names."""

Reader = Callable[[str, str], list[Read]]
"""(task, split) -> items in the order of their file; none where there is no file."""

log = logging.getLogger(__name__)


def prepare(job: Job) -> None:
    """Make the texts of a job from files.

    Settings: `name`; `tasks`, each with `name`, `prompt`, `target`, `parse`, `held_out` (a number
    of training items, where no file has them) and `limit`; `end`, or null for the tokenizer's own;
    `longest`; `contents`, the digest of each file. Information: `files`, their places, by
    `tokenizer` and `<task>.<split>`.

    Raises:
        BadData: a file can't be used, has changed, or nothing is left to train or to compare on.
    """
    make(job, of_files(job), [])


def of_files(job: Job) -> Reader:
    """Reads the items of a job's tasks from files; a file has to be the one of the plan."""
    files = job.information["files"]

    def read(task: str, split: str) -> list[Read]:
        key = f"{task}.{split}"
        if key not in files:
            return []
        path = Path(files[key])
        if store.digest_file(path) != job.settings["contents"][key]:
            raise BadData(f"{path} has changed since the plan was made; run again to use it")
        return read_jsonl(path)

    return read


def make(
    job: Job, read: Reader, notes: list[str], facts: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Make the texts of a job from items that `read` gives, which may add to `notes` and `facts`,
    what is recorded beside them.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("read")
    settings = job.settings
    words = Words.of(Path(job.information["files"]["tokenizer"]), settings["end"])
    items: list[Item] = []
    described: list[dict[str, Any]] = []
    for number, task in enumerate(settings["tasks"]):
        splits = _splits(task, read, notes)
        described.append(_described(task, splits))
        items += _items(task, splits, number * APART)
    stopwatch.phase("tokens")
    items = _short_enough(items, words, settings, notes)
    _check(items, [task["name"] for task in described], _named(job), notes)
    stopwatch.phase("write")
    most = max(len(item.choices) for item in items)
    manifest = {
        "end": words.end,
        "pad": words.pad,
        "classes": list(string.ascii_uppercase[:most]),
        "tasks": described,
        "notes": notes,
    }
    by_name = {task["name"]: task for task in settings["tasks"]}
    targets = [words.ended(target(item, by_name[item.task])) for item in items]
    write_items(job.folder, items, words.tokenizer, {"gold": targets}, manifest)
    for note in notes:
        log.warning("%s", note)
    counts = {split: sum(item.split == split for item in items) for split in SPLITS}
    write_run(job, stopwatch, {"counts": counts, "notes": notes, **facts})
    log.info("texts %s: %s items", settings["name"], counts)


# ------------------------------------------------------------------------------------ tokens


@dataclass(frozen=True, eq=False)
class Words:
    """A tokenizer, and its token that ends a text.

    Attributes:
        text: of that token. end, pad: numbers of tokens; `pad` fills up and is never looked at.
    """

    tokenizer: Tokenizer
    text: str
    end: int
    pad: int

    @classmethod
    def of(cls, folder: Path, end: str | None) -> Words:
        """That of a folder of the Hugging Face hub: `tokenizer.json`, `tokenizer_config.json`.

        Args:
            end: the text of the token that ends a text; None for the folder's own.

        Raises:
            BadData: a file can't be read, or there is no such token.
        """
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # the library has no class of its own
            raise BadData(f"{folder / 'tokenizer.json'} can't be read ({error})") from None
        tokenizer.no_truncation()
        tokenizer.no_padding()
        text = end or _own_end(folder)
        token = tokenizer.token_to_id(text)
        if token is None:
            raise BadData(f"{folder}: its tokenizer has no token {text!r}; give `data.end`")
        return cls(tokenizer, text, token, token)

    def ended(self, text: str) -> str:
        """A text with its end."""
        return f"{text}{self.text}"

    def lengths(self, texts: Sequence[str]) -> np.ndarray:
        """(N,) how many tokens each text has."""
        return np.array([len(each.ids) for each in self.tokenizer.encode_batch(list(texts))], int)


def _own_end(folder: Path) -> str:
    path = folder / "tokenizer_config.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8")).get("eos_token")
    except (OSError, ValueError) as error:
        raise BadData(
            f"{path} can't be read ({error}); give `data.end`, the token that ends a text"
        ) from None
    text = found.get("content") if isinstance(found, Mapping) else found
    if not isinstance(text, str):
        raise BadData(f"{path} has no `eos_token`; give `data.end`, the token that ends a text")
    return text


# ------------------------------------------------------------------------------------- items


def _splits(
    task: Mapping[str, Any], read: Reader, notes: list[str]
) -> dict[str, list[tuple[int, Read]]]:
    """Split -> (place in its file, item), apart and within the limits."""
    name = task["name"]
    found = {split: list(enumerate(read(name, split))) for split in SPLITS}
    asked = {(own.question, own.choices) for _, own in (*found["test"], *found["held-out"])}
    own = found["train"]
    found["train"] = [each for each in own if (each[1].question, each[1].choices) not in asked]
    if len(found["train"]) < len(own):
        notes.append(
            f"task {name}: {len(own) - len(found['train'])} training items are also asked in the "
            "test or held-out part and are left out of training"
        )
    if task["held_out"]:
        able = len(found["train"])
        if task["held_out"] >= able:
            raise BadData(
                f"task {name!r}: `held_out` is {task['held_out']} of {able} training items, which "
                f"leaves none: give {able - 1} or fewer, or leave `train` out"
            )
        kept = {place for place, _ in evenly(found["train"], task["held_out"])}
        found["held-out"] = [each for each in found["train"] if each[0] in kept]
        found["train"] = [each for each in found["train"] if each[0] not in kept]
    return {split: evenly(found[split], task["limit"][split]) for split in SPLITS}


def evenly(items: Sequence[Any], count: int | None) -> list[Any]:
    """So many of the items, evenly spaced; all where there are no more, or `count` is None.

    >>> evenly([0, 1, 2, 3, 4, 5], 3)
    [0, 2, 4]
    """
    if count is None or count >= len(items):
        return list(items)
    return [items[place * len(items) // count] for place in range(count)]


def _described(
    task: Mapping[str, Any], splits: Mapping[str, list[tuple[int, Read]]]
) -> dict[str, Any]:
    """What the manifest says of a task.

    `choices` is so many that the chance that two models which are both wrong are wrong alike is
    1 / (choices - 1): of items that differ in their number the harmonic mean of that.

    Raises:
        BadData: there is no test item, or some items have choices and some have none.
    """
    name = task["name"]
    every = [item for split in SPLITS for _, item in splits[split]]
    if not splits["test"]:
        raise BadData(f"task {name!r} has no test item: give its file more, or leave the task out")
    with_choices = {bool(item.choices) for item in every}
    if len(with_choices) > 1:
        without = next(item.line for item in every if not item.choices)
        raise BadData(
            f"task {name!r}: some items have choices and some have none (line {without}); make two "
            "tasks of them"
        )
    counts = [len(item.choices) for _, item in splits["test"]]
    choices = 0.0
    if every[0].choices:
        choices = 1 + len(counts) / sum(1 / (count - 1) for count in counts)
    return {
        "name": name,
        "family": "choices" if choices else "answers",
        "choices": int(choices) if float(choices).is_integer() else choices,
        "traced": any(item.rationale for item in every),
        "rule": task["parse"] or ("first-keyword" if choices else "last-number"),
    }


def _items(
    task: Mapping[str, Any], splits: Mapping[str, list[tuple[int, Read]]], first: int
) -> Iterable[Item]:
    for split, start in FIRST.items():
        for place, item in splits[split]:
            yield Item(
                index=first + start + place,
                split=split,
                task=task["name"],
                prompt=task["prompt"].replace("{question}", item.question),
                trace=item.rationale,
                answer=item.answer,
                choices=item.choices,
                label=item.label,
                unasked=task["prompt"].replace("{question}", "").strip(),
            )


def target(item: Item, task: Mapping[str, Any]) -> str:
    """What a model learns to write behind a prompt, without its end."""
    if not item.trace:
        return item.answer
    return task["target"].replace("{rationale}", item.trace).replace("{answer}", item.answer)


def _short_enough(
    items: Sequence[Item], words: Words, settings: Mapping[str, Any], notes: list[str]
) -> list[Item]:
    """The items of `longest` tokens or less with each of their choices; the others are named.

    Raises:
        BadData: an item holds the text of the token that ends a text.
    """
    by_name = {task["name"]: task for task in settings["tasks"]}
    texts, owners = [], []
    for place, item in enumerate(items):
        said = target(item, by_name[item.task])
        if words.text in f"{item.prompt}{said}":
            raise BadData(
                f"task {item.task!r}, item {item.index}: it holds {words.text!r}, which ends a text"
            )
        for each in (words.ended(said), *item.choices):
            texts.append(f"{item.prompt} {each}")
            owners.append(place)
    if settings["longest"] is None:
        return list(items)
    length = np.zeros(len(items), int)
    np.maximum.at(length, owners, words.lengths(texts))
    over = np.flatnonzero(length > settings["longest"])
    for split in SPLITS:
        own = [items[place] for place in over if items[place].split == split]
        if own:
            named = ", ".join(f"{item.task} {item.index}" for item in own[:NAMED])
            more = f" and {len(own) - NAMED} more" if len(own) > NAMED else ""
            notes.append(
                f"{len(own)} items of {split} have more than {settings['longest']} tokens "
                f"(`longest`) and are left out, none is cut: {named}{more}"
            )
    left_out = set(over.tolist())
    return [item for place, item in enumerate(items) if place not in left_out]


def _named(job: Job) -> set[str]:
    """The splits of which some task names a part: with no training, `test` may be the only one."""
    files = {key.rpartition(".")[2] for key in job.information["files"]}
    tasks = job.settings["tasks"]
    of_hub = {split for task in tasks for split, part in task.get("parts", {}).items() if part}
    return files | of_hub | ({"held-out"} if any(task["held_out"] for task in tasks) else set())


def _check(
    items: Sequence[Item], tasks: Sequence[str], named: Collection[str], notes: Sequence[str]
) -> None:
    """Refuse what can't be trained on or compared; `notes` say why items were left out."""
    because = "".join(f"; {note}" for note in notes)
    if "train" in named and not any(item.split == "train" for item in items):
        raise BadData(f"no task has a training item: give `train` to at least one{because}")
    for split in ("held-out", "test"):
        if split in named and not any(item.split == split and item.choices for item in items):
            raise BadData(
                f"no {split} item has choices, by which models are compared: give a task with "
                f"choices `{split.replace('-', '_')}`{because}"
            )
    asked = {item.task for item in items if item.split == "test"}
    for name in tasks:
        if name not in asked:
            raise BadData(f"task {name!r} has no test item left: leave the task out{because}")
