"""Texts of tasks that are data sets of the Hugging Face hub, by their names."""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from distilscope import optional
from distilscope.configuration.texts import NAMED_COLUMN
from distilscope.data.raw import BadData
from distilscope.data.task_files import NAMED, make, of_files
from distilscope.data.tasks.jsonl import Read, item
from distilscope.planning.job import Job

LOST = 0.05
"""The largest share of a data set's rows that may make no item."""
A_COMMIT = re.compile("[0-9a-f]{40}")

log = logging.getLogger(__name__)


def prepare(job: Job) -> None:
    """Make the texts of a job from data sets of the hub.

    Settings: those of `task_files.prepare`, and of each task `repository`, `subset`, `revision`,
    `parts` (split -> its name there) and `columns`; a task without them is one of files. The facts
    have `hub`: task -> `repository`, `revision`, `commit`, which that stood for (null where it
    isn't known), and `rows`, a digest of the items of each part as they were read.

    Raises:
        BadData: the library datasets is not installed, a data set can't be had, or an item of it
            can't be used.
    """
    tasks = {task["name"]: task for task in job.settings["tasks"]}
    left_out: list[str] = []
    remarks: list[str] = []
    used: dict[str, dict[str, Any]] = {}
    from_file = of_files(job)

    def read(name: str, split: str) -> list[Read]:
        task = tasks[name]
        if "repository" not in task:
            return from_file(name, split)
        part = task["parts"][split]
        if part is None:
            return []
        if name not in used:
            told = {key: task[key] for key in ("repository", "revision")}
            used[name] = {**told, "commit": _commit(task), "rows": {}}
            remarks.extend(_moving(name, used[name]))
        items = items_of(task, part, _rows(task, part, used[name]["commit"]), left_out)
        used[name]["rows"][part] = _digest(items)
        return items

    make(job, read, left_out, remarks, {"hub": used})


def _commit(task: Mapping[str, Any]) -> str | None:
    """The commit that a task's revision stands for now; None where the hub can't be asked."""
    if A_COMMIT.fullmatch(task["revision"]):
        return task["revision"]
    try:
        hub = importlib.import_module("huggingface_hub")
        return hub.HfApi().dataset_info(task["repository"], revision=task["revision"]).sha
    except Exception as error:  # the library raises what the network does
        log.debug("%s@%s: %s", task["repository"], task["revision"], error)
        return None


def _moving(name: str, used: Mapping[str, Any]) -> list[str]:
    """A sentence where a revision is the name of a branch, which another commit may get."""
    if used["commit"] == used["revision"]:
        return []
    now, instead = "could not be asked for", "a commit of 40 hexadecimal digits as `revision`"
    if used["commit"]:
        now, instead = f"is {used['commit']} now", "that as `revision`"
    return [
        f"task {name}: revision {used['revision']!r} of {used['repository']} moves with the hub, "
        f"and what this study is called does not: its commit {now}; give {instead} to have the "
        "same items for ever"
    ]


def _digest(items: Sequence[Read]) -> str:
    """SHA-256 of items, by their fields."""
    written = json.dumps([asdict(each) for each in items], ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()


def _rows(
    task: Mapping[str, Any], part: str, commit: str | None = None
) -> Sequence[Mapping[str, Any]]:
    """The rows of a part, of a commit that all parts share."""
    datasets = optional.load(
        "datasets",
        "`hub-tasks` needs the library datasets and the network",
        "pip install datasets, or give your items as files (`jsonl-tasks`)",
        BadData,
    )
    where = f"{task['repository']} ({part})"
    try:
        return datasets.load_dataset(
            task["repository"], task["subset"], split=part, revision=commit or task["revision"]
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
