"""Texts of tasks that are data sets of the Hugging Face hub, by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from distilscope import optional
from distilscope.configuration.texts import NAMED_COLUMN
from distilscope.data.raw import BadData
from distilscope.data.task_files import NAMED, make, of_files
from distilscope.data.tasks.jsonl import Read, item
from distilscope.planning.job import Job

LOST = 0.05
"""The largest share of a data set's rows that may make no item."""


def prepare(job: Job) -> None:
    """Make the texts of a job from data sets of the hub.

    Settings: those of `task_files.prepare`, and of each task `repository`, `subset`, `revision`,
    `parts` (split -> its name there) and `columns`; a task without them is one of files.

    Raises:
        BadData: the library datasets is not installed, a data set can't be had, or an item of it
            can't be used.
    """
    tasks = {task["name"]: task for task in job.settings["tasks"]}
    notes: list[str] = []
    from_file = of_files(job)

    def read(name: str, split: str) -> list[Read]:
        task = tasks[name]
        if "repository" not in task:
            return from_file(name, split)
        part = task["parts"][split]
        return [] if part is None else items_of(task, part, _rows(task, part), notes)

    make(job, read, notes)


def _rows(task: Mapping[str, Any], part: str) -> Sequence[Mapping[str, Any]]:
    datasets = optional.load(
        "datasets",
        "`hub-tasks` needs the library datasets and the network",
        "pip install datasets, or give your items as files (`jsonl-tasks`)",
        BadData,
    )
    where = f"{task['repository']} ({part})"
    try:
        return datasets.load_dataset(
            task["repository"], task["subset"], split=part, revision=task["revision"]
        )
    except Exception as error:  # the library raises what its file systems do
        raise BadData(
            f"task {task['name']!r}: {where} can't be had from the hub ({error}); is there a "
            "network? Or give your items as files (`jsonl-tasks`)"
        ) from error


class NoColumn(BadData):
    """`columns` names what the data set doesn't have."""


def items_of(
    task: Mapping[str, Any], part: str, rows: Sequence[Mapping[str, Any]], notes: list[str]
) -> list[Read]:
    """The items of the rows of a data set.

    Nobody can mend a row of the hub: one that makes no item, as of two equal choices, is left out
    and counted in `notes`.

    Raises:
        NoColumn: there is no such column; the row is named.
        BadData: more than `LOST` of the rows make no item; the first is named.
    """
    place, found, lost = f"{task['repository']} ({part})", [], {}
    for number, row in enumerate(rows, 1):
        where = f"{place}:{number}"
        try:
            found.append(item(where, fields(where, task["columns"], row), number))
        except NoColumn:
            raise
        except BadData as fault:
            lost[number] = str(fault)
    if not lost:
        return found
    first = next(iter(lost.values()))
    if len(lost) > LOST * len(rows):
        raise BadData(
            f"task {task['name']!r}: {len(lost)} of {len(rows)} rows of {place} make no item, as "
            f"{first}; is that what `columns` should say?"
        )
    named = ", ".join(map(str, list(lost)[:NAMED]))
    more = f" and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
    notes.append(
        f"task {task['name']}: {len(lost)} of {len(rows)} rows of {place} make no item and are left"
        f" out ({named}{more}; the first: {first})"
    )
    return found


def fields(where: str, columns: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """What a line of JSON would hold for a row.

    Args:
        columns: `question`, `answer`, `choices`, `labels`, `rationale` and `behind`, as
            `configuration.texts.HubColumns` says.

    >>> columns = {"question": "{q}", "answer": "key", "choices": "c.text", "labels": "c.label",
    ...            "rationale": None, "behind": None}
    >>> row = {"q": "2 + 2", "key": "2", "c": {"text": ["3", "4"], "label": ["1", "2"]}}
    >>> fields("here:1", columns, row)
    {'question': '2 + 2', 'answer': '4', 'choices': ['3', '4']}
    """
    found: dict[str, Any] = {"question": _filled(where, columns["question"], row)}
    answer = _at(where, columns["answer"], row)
    if columns["behind"] is not None:
        before, sign, answer = str(answer).rpartition(columns["behind"])
        if not sign:
            raise BadData(f"{where}: its answer has no {columns['behind']!r}")
        found["rationale"] = before.strip()
    if columns["rationale"] is not None:
        found["rationale"] = _filled(where, columns["rationale"], row)
    choices = _choices(where, columns["choices"], row)
    if choices:
        answer = _called(where, columns["labels"], row, answer, choices)
    if isinstance(answer, bool):
        answer = str(answer).lower()
    found["answer"] = answer.strip() if isinstance(answer, str) else answer
    return {**found, **({} if choices is None else {"choices": choices})}


def _choices(
    where: str, columns: str | Sequence[str] | None, row: Mapping[str, Any]
) -> list[str] | None:
    """The texts of the choices: of a column that is a list, or each of columns in braces."""
    if columns is None:
        return None
    if not isinstance(columns, str):
        return [_filled(where, each, row) for each in columns]
    found = _listed(where, columns, row)
    if None in found:
        raise BadData(f"{where}: a choice is None, expected texts")
    return [str(each) for each in found]


def _called(
    where: str,
    labels: str | Sequence[str] | None,
    row: Mapping[str, Any],
    answer: Any,
    choices: Sequence[str],
) -> Any:
    """The choice that an answer calls by its label, or by false and true; else the answer."""
    if labels is not None:
        named = _listed(where, labels, row) if isinstance(labels, str) else labels
        known = [str(each) for each in named]
        if str(answer) not in known:
            raise BadData(f"{where}: its answer {answer!r} is none of {', '.join(known)}")
        place = known.index(str(answer))
    elif isinstance(answer, bool):  # of two choices the first is what false means
        place = int(answer)
        if len(choices) != 2:
            raise BadData(f"{where}: its answer is {answer} of {len(choices)} choices, expected 2")
    else:
        return answer
    if place >= len(choices):
        raise BadData(f"{where}: its answer {answer!r} names choice {place + 1} of {len(choices)}")
    return choices[place]


def _at(where: str, path: str, row: Mapping[str, Any]) -> Any:
    """What lies at a path of names with dots between them."""
    found: Any = row
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            known = ", ".join(found) if isinstance(found, Mapping) else "none"
            raise NoColumn(f"{where}: there is no column {path!r}, known are {known}")
        found = found[name]
    return found


def _listed(where: str, path: str, row: Mapping[str, Any]) -> Sequence[Any]:
    found = _at(where, path, row)
    if isinstance(found, str) or not isinstance(found, Sequence):
        raise BadData(f"{where}: {path!r} has {found!r:.40}, expected a list of texts")
    return found


def _filled(where: str, text: str, row: Mapping[str, Any]) -> str:
    """A text with what lies at the paths that stand in it in braces."""

    def at(name: re.Match[str]) -> str:
        found = _at(where, name[1], row)
        if found is None:
            raise BadData(f"{where}: its column {name[1]!r} is empty")
        return str(found)

    return NAMED_COLUMN.sub(at, text).strip()
