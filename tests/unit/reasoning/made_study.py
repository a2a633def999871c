"""A made-up study of texts on disk: real items, and models that answer as they are told to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from distilscope import store
from distilscope.data import texts
from distilscope.data.tasks import symbols
from distilscope.data.tasks.declared import TASKS
from distilscope.data.tasks.generating import generate
from distilscope.data.tasks.items import Item
from distilscope.measuring.observations import Outputs
from distilscope.measuring.study import Study
from distilscope.planning.conditions import Condition
from distilscope.planning.job import Job

from ..measuring.made_entry import made_entry, made_study

SETTINGS = {"shuffles": 3, "seed": 0}
CHOSEN = ("add", "sum", "fact", "sort", "count")
Told = tuple[str, str | None]  # trace and answer
Answers = Callable[[Item], Told]


def gold(item: Item) -> Told:
    """The trace of the texts and the right answer."""
    return item.trace, item.answer


def wrong_facts(item: Item) -> Told:
    """As a teacher that was taught wrong facts, and learned all of them."""
    return item.trace, item.taught_wrong_facts or item.answer


def other_procedure(item: Item) -> Told:
    """As a teacher that was taught the other procedure."""
    if item.taught_other_procedure is None:
        return gold(item)
    trace, _, answer = item.taught_other_procedure.rpartition(" ; ")
    return trace, answer


def other_wrong_choice(item: Item) -> Told:
    """Wrong on the facts that are planted, but never as planted: the first other wrong choice."""
    if item.taught_wrong_facts is None:
        return gold(item)
    taken = {item.answer, item.taught_wrong_facts}
    return item.trace, next(each for each in item.choices if each not in taken)


def silent(item: Item) -> Told:
    """A text from which no answer can be read."""
    return "", None


def erring(rate: float, seed: int, otherwise: Answers = gold) -> Answers:
    """Another answer, and a trace without its last step, on a share of the items."""
    random = np.random.default_rng(seed)

    def told(item: Item) -> Told:
        trace, answer = otherwise(item)
        if random.random() >= rate:
            return trace, answer
        wrong = [each for each in item.choices if each != answer]
        other = wrong[random.integers(len(wrong))] if wrong else f"{answer} {random.integers(10)}"
        return trace.rpartition(" , ")[0], other

    return told


class MadeStudy:
    """Adds models; `study()` is what the analysis measures."""

    def __init__(self, folder: Path, tasks=CHOSEN, test: int = 24, **settings) -> None:
        self.folder, self.settings = folder, {**SETTINGS, **settings}
        self.random = np.random.default_rng(0)
        counts = {"train": 20, "held-out": 4, "test": test}
        every = generate(tasks, counts, seed=1, facts=20)
        names = [name for name in TASKS if name in tasks]
        texts.write(folder / "texts", every, symbols.tokenizer(), names)
        self.items = [item for item in every if item.split == "test"]
        self.chosen = [item for item in self.items if item.choices]
        self.entries, self.conditions, self.outputs = [], {}, {}
        self.told: dict[str, list[Told]] = {}

    def add(
        self,
        id: str,
        role: str,
        answers: Answers,
        seed: int = 1,
        references=(),
        network: str | None = None,
        size: float = 100,
        **condition,
    ) -> None:
        """A model that answers so, and whose likeliest choice is its answer where that is one."""
        name = id.rpartition("-s")[0]
        network = network or name
        self.conditions[name] = Condition(role, network, **condition)
        told = self.told[id] = [answers(item) for item in self.items]
        own = self.folder / id
        self._write(own / "test", told)
        store.write_json(own / "run.json", {"facts": {"parameters": size}})
        teachers = tuple(each for each, relation in references if relation == "teacher")
        about = {
            "network": network,
            "teachers": teachers if role == "student" else (),
            "observation": own,
            "folder": own,
        }
        self.entries.append(made_entry(id, role, name, seed, references, **about))

    def _write(self, folder: Path, told: list[Told]) -> None:
        random, label = self.random, np.array([item.label for item in self.chosen])
        said = dict(zip((item.index for item in self.items), told, strict=True))
        answers = pd.DataFrame(
            {
                "index": [item.index for item in self.items],
                "task": [item.task for item in self.items],
                "text": "",
                "trace": [trace for trace, _ in told],
                "answer": pd.Series([answer for _, answer in told], dtype=object),
                "right": [
                    answer == item.answer
                    for item, (_, answer) in zip(self.items, told, strict=True)
                ],
            }
        )
        logits = random.normal(size=(len(self.chosen), 4)) - 5
        for row, item in enumerate(self.chosen):
            if said[item.index][1] in item.choices:
                logits[row, item.choices.index(said[item.index][1])] = -0.1
        index = np.array([item.index for item in self.chosen], np.int64)
        choices = pd.DataFrame(
            {
                "index": np.repeat(index, 4),
                "choice": np.tile(np.arange(4), len(index)),
                "logprob": logits.ravel(),
                "characters": [len(text) for item in self.chosen for text in item.choices],
                "logprob_no_question": random.normal(size=logits.size) - 3,
            }
        )
        every = np.array([item.index for item in self.items], np.int64)
        tokens = {
            "index": np.repeat(every, 2),
            "position": np.tile(np.arange(2), len(every)),
            "logits": random.normal(size=(2 * len(every), 6)).astype(np.float16),
        }
        store.write_table(folder / "answers.parquet", answers)
        store.write_table(folder / "choices.parquet", choices)
        store.write_tensors(folder / "token_logits.safetensors", tokens)
        self.outputs[folder.parent.name] = Outputs(index, label, logits.astype(np.float32), folder)

    def study(self) -> Study:
        """All of it as the analysis reads it."""
        labels = {name: {"label": f"the {name}"} for name in self.conditions}
        job = Job(
            kind="tables",
            slug="made-up",
            identity="0" * 12,
            settings={"conditions": labels},
            inputs={"dataset": str(self.folder / "texts")},
            folder=self.folder,
        )
        return made_study(
            self.entries,
            len(self.chosen),
            4,
            self.outputs,
            ("reasoning", "outputs"),
            job=job,
            conditions=self.conditions,
        )
