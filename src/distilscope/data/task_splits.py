"""Training, held-out and test items of tasks that people have: no item is in two of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from distilscope.data.raw import BadData
from distilscope.data.tasks.jsonl import Read
from distilscope.data.texts import SPLITS

Reader = Callable[[str, str], list[Read]]
"""(task, split) -> items in the order of their file; none where there is no file."""
Placed = tuple[int, Read]
"""An item, and its place in its file."""


def apart(
    tasks: Sequence[Mapping[str, Any]], read: Reader, left_out: list[str], remarks: list[str]
) -> dict[str, dict[str, list[Placed]]]:
    """Task -> split -> items, within the limits: none is asked that is trained on, in any task.

    A test item stays; a held-out item that is also asked in a test part is left out, and so is a
    training item that is also asked in one of the other two.

    Args:
        tasks: the settings of each: `name`, `held_out` and `limit`.
        left_out: gets a sentence on what is left out. remarks: gets other warnings.

    Raises:
        BadData: nothing is left to train on behind the held-out items.
    """
    found = {
        task["name"]: {split: list(enumerate(read(task["name"], split))) for split in SPLITS}
        for task in tasks
    }
    _leave_out(found, "held-out", _asked(found, "test"), "a test part", left_out)
    asked = _asked(found, "test") | _asked(found, "held-out")
    _leave_out(found, "train", asked, "a test or held-out part", left_out)
    for task in tasks:
        if task["held_out"]:
            _hold_out(task, found[task["name"]])
    _leave_out(found, "train", _asked(found, "held-out"), "a held-out part", left_out)
    for name, own in found.items():
        twice = len(own["test"]) - len({question(item) for _, item in own["test"]})
        if twice:
            remarks.append(
                f"task {name}: {twice} of {len(own['test'])} test items ask what another one of "
                "them does: intervals over items take them for different ones"
            )
    limits = {task["name"]: task["limit"] for task in tasks}
    return {
        name: {split: evenly(items, limits[name][split]) for split, items in own.items()}
        for name, own in found.items()
    }


def question(item: Read) -> tuple[str, ...]:
    """What makes an item another one: its question but for spaces, and its choices in any order."""
    return (" ".join(item.question.split()), *sorted(item.choices))


def _asked(found: Mapping[str, Mapping[str, list[Placed]]], split: str) -> set[tuple[str, ...]]:
    return {question(item) for own in found.values() for _, item in own[split]}


def _leave_out(
    found: Mapping[str, dict[str, list[Placed]]],
    split: str,
    asked: set[tuple[str, ...]],
    where: str,
    notes: list[str],
) -> None:
    """Take what is asked elsewhere out of a split of every task."""
    called = {"train": "training"}.get(split, split)
    for name, own in found.items():
        left = [each for each in own[split] if question(each[1]) not in asked]
        if len(left) < len(own[split]):
            notes.append(
                f"task {name}: {len(own[split]) - len(left)} {called} items are also asked in "
                f"{where} and are left out of the {called} ones"
            )
        own[split] = left


def _hold_out(task: Mapping[str, Any], own: dict[str, list[Placed]]) -> None:
    """Move so many training items, evenly spaced, to the held-out ones."""
    able = len(own["train"])
    if task["held_out"] >= able:
        raise BadData(
            f"task {task['name']!r}: `held_out` is {task['held_out']} of {able} training items, "
            f"which leaves none: give {able - 1} or fewer, or leave `train` out"
        )
    kept = {place for place, _ in evenly(own["train"], task["held_out"])}
    own["held-out"] = [each for each in own["train"] if each[0] in kept]
    own["train"] = [each for each in own["train"] if each[0] not in kept]


def evenly(items: Sequence[Any], count: int | None) -> list[Any]:
    """So many of the items, evenly spaced; all where there are no more, or `count` is None.

    >>> evenly([0, 1, 2, 3, 4, 5], 3)
    [0, 2, 4]
    """
    if count is None or count >= len(items):
        return list(items)
    return [items[place * len(items) // count] for place in range(count)]
