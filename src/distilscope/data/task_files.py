"""Texts of tasks that people have: items of JSON Lines, as tokens of a tokenizer that they have."""

from __future__ import annotations

import logging
import re
import string
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from distilscope import store
from distilscope.data.raw import BadData
from distilscope.data.task_splits import Reader, apart
from distilscope.data.tasks import parsing
from distilscope.data.tasks.items import Item
from distilscope.data.tasks.jsonl import Read, read_jsonl
from distilscope.data.text_tokens import Words
from distilscope.data.texts import SPLITS, write_items
from distilscope.planning.job import Job
from distilscope.workflow.provenance import Stopwatch, write_run

APART = 10_000_000
"""Indices of a task's items begin that far behind those of the task before it."""
FIRST = {"test": 0, "held-out": 3_000_000, "train": 6_000_000}
"""Where the indices of a split begin within its task: an item's index is its line's."""
NAMED = 3
"""Items that a message names."""
FILLED = re.compile(r"\{(?:rationale|answer)\}")

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
    make(job, of_files(job), [], [])


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
    job: Job,
    read: Reader,
    left_out: list[str],
    remarks: list[str],
    facts: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Make the texts of a job from items that `read` gives.

    Args:
        read: it may add to what follows. left_out: why items are left out. remarks: other warnings.
        facts: what is recorded beside them.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("read")
    settings = job.settings
    words = Words.of(Path(job.information["files"]["tokenizer"]), settings["end"])
    items: list[Item] = []
    described: list[dict[str, Any]] = []
    every = apart(settings["tasks"], read, left_out, remarks)
    for number, task in enumerate(settings["tasks"]):
        splits = every[task["name"]]
        described.append(_described(task, splits))
        own = list(_items(task, splits, number * APART))
        remarks.extend(_misread(own, task, described[-1]))
        items += own
    stopwatch.phase("tokens")
    items = _short_enough(items, words, settings, left_out)
    _check(items, [task["name"] for task in described], _named(job), left_out)
    by_name = {task["name"]: task for task in settings["tasks"]}
    remarks.extend(_longer(items, by_name, words))
    remarks.extend(_unknown(items, by_name, words))
    notes = [*left_out, *remarks]
    stopwatch.phase("write")
    most = max(len(item.choices) for item in items)
    manifest = {
        "end": words.end,
        "pad": words.pad,
        "classes": list(string.ascii_uppercase[:most]),
        "tasks": described,
        "notes": notes,
    }
    targets = [words.ended(target(item, by_name[item.task])) for item in items]
    write_items(job.folder, items, words.tokenizer, {"gold": targets}, manifest)
    for note in notes:
        log.warning("%s", note)
    counts = {split: sum(item.split == split for item in items) for split in SPLITS}
    write_run(job, stopwatch, {"counts": counts, "notes": notes, **facts})
    log.info("texts %s: %s items", settings["name"], counts)


# ------------------------------------------------------------------------------------- items


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
    texts = {"{rationale}": item.trace, "{answer}": item.answer}
    return FILLED.sub(lambda found: texts[found[0]], task["target"])


def _misread(
    items: Sequence[Item], task: Mapping[str, Any], described: Mapping[str, Any]
) -> list[str]:
    """A sentence where the rule of a task reads another answer than the right one out of the very
    text that is taught: whoever writes that is wrong.
    """
    rule, traced = described["rule"], described["traced"]
    asked = [item for item in items if item.split == "test"]
    over = []
    for item in asked:
        answer = parsing.read(target(item, task), rule, traced, item.choices).answer
        if not parsing.right(answer, item.answer, rule):
            over.append((item, answer))
    if not over:
        return []
    item, answer = over[0]
    return [
        f"task {task['name']}: of {len(over)} of {len(asked)} test items `parse: {rule}` reads "
        "another answer than the right one out of what is taught, so that it counts as wrong: of "
        f"item {item.index} {answer!r:.40} for {item.answer!r:.40}; give another `parse`, or a "
        "`target` that it can read"
    ]


def _short_enough(
    items: Sequence[Item], words: Words, settings: Mapping[str, Any], notes: list[str]
) -> list[Item]:
    """The items of `longest` tokens or less with each of their choices; the others are named.

    Raises:
        BadData: an item holds the text of the token that ends a text, that text is no token of its
            own behind an answer, or two choices are the same tokens.
    """
    by_name = {task["name"]: task for task in settings["tasks"]}
    texts, owners = [], []
    for place, item in enumerate(items):
        said = target(item, by_name[item.task])
        if any(words.text in text for text in (item.prompt, said, *item.choices)):
            raise BadData(
                f"task {item.task!r}, item {item.index}: it holds {words.text!r}, which ends a text"
            )
        for each in (words.ended(said), *item.choices):
            texts.append(f"{item.prompt} {each}")
            owners.append(place)
    tokens = words.of_each(texts)
    _require_ends(items, owners, tokens, words)
    _require_choices_apart(items, owners, tokens)
    if settings["longest"] is None:
        return list(items)
    length = np.zeros(len(items), int)
    np.maximum.at(length, owners, [len(each) for each in tokens])
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


def _require_ends(
    items: Sequence[Item], owners: Sequence[int], tokens: Sequence[tuple[int, ...]], words: Words
) -> None:
    """Refuse an end that becomes a part of another token: nobody would learn to end."""
    first = dict(zip(reversed(owners), reversed(tokens), strict=True))  # what is taught
    for owner, own in first.items():
        if own[-1] != words.end:
            item = items[owner]
            raise BadData(
                f"task {item.task!r}, item {item.index}: behind its answer {item.answer!r:.40} the "
                f"end {words.text!r} is a part of another token; give `data.end` a token that "
                "stands for itself, such as the tokenizer's own"
            )


def _longer(items: Sequence[Item], by_name: Mapping[str, Any], words: Words) -> list[str]:
    """A sentence where right answers are longer than any that is trained, where answers stop."""
    whole = words.of_each(
        [words.ended(f"{item.prompt} {target(item, by_name[item.task])}") for item in items]
    )
    prompts = words.of_each([item.prompt for item in items])
    length = {split: [0] for split in SPLITS}
    for item, own, prompt in zip(items, whole, prompts, strict=True):
        length[item.split].append(len(own) - len(prompt))
    most = max(length["train"])
    over = sum(each > most for each in length["test"])
    if not most or not over:
        return []
    return [
        f"{over} test items have right answers of up to {max(length['test'])} tokens, and answers "
        f"stop at {most}, the longest of the training items: none of these can be given whole"
    ]


def _unknown(items: Sequence[Item], by_name: Mapping[str, Any], words: Words) -> list[str]:
    """A sentence where texts hold what the tokenizer does not know: all of that is one token."""
    token = words.unknown
    if token is None:
        return []
    texts = [
        " ".join((item.prompt, target(item, by_name[item.task]), *item.choices)) for item in items
    ]
    over = [n for n, own in enumerate(words.of_each(texts)) if token in own]
    if not over:
        return []
    text = words.tokenizer.id_to_token(token)
    return [
        f"{len(over)} of {len(items)} items hold what the tokenizer does not know, which is one "
        f"token {text!r} to every model: the first is {texts[over[0]]!r:.60}"
    ]


def _require_choices_apart(
    items: Sequence[Item], owners: Sequence[int], tokens: Sequence[tuple[int, ...]]
) -> None:
    """Refuse choices that a model can't tell apart: a tokenizer may lower letters, compose accents
    or know neither word.
    """
    found: dict[int, list[tuple[int, ...]]] = {}
    for owner, own in zip(owners, tokens, strict=True):
        found.setdefault(owner, []).append(own)
    for owner, (_, *choices) in found.items():  # the first is what is taught
        for place, own in enumerate(choices):
            if own in choices[:place]:
                item = items[owner]
                one, other = item.choices[choices.index(own)], item.choices[place]
                raise BadData(
                    f"task {item.task!r}, item {item.index}: choices {one!r:.40} and {other!r:.40} "
                    "are the same tokens of this tokenizer, so that no model can tell them apart; "
                    "leave the item out, or take a tokenizer that knows both"
                )


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
