"""Edits of a configuration: of what, into what, and the jobs that they must plan."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .clone import SMALL

TEACHER, TWIN = "resnet18-s1", "resnet18-s2"
TINY = ["tiny-kd-T2-a0.9-s1", "tiny-kd-T4-a0.9-s1"]
KD = [*TINY, "small-kd-T2-a0.9-s1", "small-kd-T4-a0.9-s1"]
CE = ["tiny-ce-s1", "small-ce-s1"]
FLOOR = "tiny-untrained-s1"
ALL = [TEACHER, TWIN, *KD, *CE, FLOOR]

CHECK = ["networks check"]
"""The trial of all networks: whatever is edited of one of them, or of what is asked of all."""

SHOWN = ["publish", "report small"]
DRAWN = ["figures small", "publish", "report small"]


def aggregation(study: str = "small") -> list[str]:
    """The jobs at the end of every study."""
    return [f"figures {study}", "publish", f"report {study}", f"tables {study}"]


def observed(models: Iterable[str], teacher: str = TEACHER) -> list[str]:
    """Observations of these models and their comparisons with the teacher."""
    models = list(models)
    return [*(f"observation {m}" for m in models), *compared(models, teacher)]


def compared(models: Iterable[str], teacher: str = TEACHER) -> list[str]:
    """Comparisons alone."""
    return [f"comparison {m}-vs-{teacher}" for m in models if m != teacher]


def trained(models: Iterable[str], teacher: str = TEACHER) -> list[str]:
    """Trainings of these models and what is made from them."""
    models = list(models)
    return [*(f"model {m}" for m in models), *observed(models, teacher)]


@dataclass(frozen=True)
class Edit:
    """An edit of a configuration.

    Attributes:
        name: for people.
        edit: changes the configuration in place.
        jobs: what a run must do afterwards, and nothing else.
        first: makes the starting point out of `SMALL`, where that isn't it.
        real: held against a dry run of Snakemake too.
    """

    name: str
    edit: Callable[[dict], Any]
    jobs: list[str]
    first: Callable[[dict], Any] = lambda raw: None
    real: bool = False

    def before(self) -> dict:
        """The configuration whose results exist."""
        raw = copy.deepcopy(SMALL)
        self.first(raw)
        return raw

    def after(self) -> dict:
        """The edited configuration."""
        raw = self.before()
        self.edit(raw)
        return raw


def put(*path: Any) -> Callable[[dict], None]:
    """Set the value at a path of keys; the last item of `path` is the value."""

    def edit(raw: dict) -> None:
        place = raw
        for key in path[:-2]:
            place = place.setdefault(key, {}) if isinstance(place, dict) else place[key]
        place[path[-2]] = path[-1]

    return edit


def both(*edits: Callable[[dict], Any]) -> Callable[[dict], None]:
    """One edit after another."""

    def edit(raw: dict) -> None:
        for each in edits:
            each(raw)

    return edit


def swap(one: list, other: list) -> Callable[[dict], None]:
    """Exchange the values at two paths."""

    def at(raw: Any, path: list) -> Any:
        for key in path[:-1]:
            raw = raw[key]
        return raw

    def edit(raw: dict) -> None:
        a, b = at(raw, one), at(raw, other)
        a[one[-1]], b[other[-1]] = b[other[-1]], a[one[-1]]

    return edit


OF_WORDS = {"architecture": "qwen2", "settings": {"width": 16, "layers": 1, "heads": 2}}


def texts(raw: dict) -> None:
    """A study of language models in the place of the one of images."""
    raw.clear()
    optimizer = {"name": "adamw", "lr": 0.002}
    raw.update(
        study="texts",
        title="A small study of texts",
        seeds=[1],
        precision="fp32",
        device="cpu",
        data={"name": "generated-tasks", "train": 40, "held_out": 4, "test": 8},
        recipes={name: {"epochs": 2, "optimizer": optimizer} for name in ("teacher", "student")},
        teachers={"expert": {**OF_WORDS, "recipe": "teacher", "seeds": [1], "twins": [2]}},
        students={"small": {**OF_WORDS, "recipe": "student"}},
        grid=[
            {"objective": "kd", "students": ["small"], "T": 1, "alpha": 1},
            {"objective": "ce", "students": ["small"]},
        ],
        analyses={"outputs": {}, "representation": {}, "reasoning": {}},
    )


def edit(clone, change):
    change(clone.configuration)
    clone.write()


def reverse_keys(value: Any) -> Any:
    """The same mappings with their keys in the other order, all the way down."""
    if isinstance(value, dict):
        return {key: reverse_keys(value[key]) for key in reversed(value)}
    return [reverse_keys(item) for item in value] if isinstance(value, list) else value


def reverse_all_keys(raw: dict) -> None:
    """Reverse the keys of the whole configuration."""
    turned = reverse_keys(raw)
    raw.clear()
    raw.update(turned)


def relabel(raw: dict) -> None:
    """`tiny` becomes `mini`, and `resnet18` becomes `big`."""
    for place, old, new in (("students", "tiny", "mini"), ("teachers", "resnet18", "big")):
        raw[place] = {new if name == old else name: entry for name, entry in raw[place].items()}
    for entry in raw["grid"]:
        entry["students"] = ["mini" if name == "tiny" else name for name in entry["students"]]
    raw["floors"] = ["mini"]
