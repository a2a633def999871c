"""What the models of a study said: answers, traces, choices, and logits on the gold text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distilscope import store
from distilscope.analyses.reasoning.tokens import TokenLogits, divergence
from distilscope.data import texts
from distilscope.data.files import MANIFEST_FILE
from distilscope.data.tasks import parsing
from distilscope.data.tasks.items import END
from distilscope.measuring.study import PROBE, Entry, Study

ANSWERS, CHOICES, TOKENS = "answers.parquet", "choices.parquet", "token_logits.safetensors"


@dataclass(frozen=True, eq=False)
class Said:
    """What one model said of all N test items, and of the M with choices.

    Attributes:
        answers: N texts, None where none could be read. traces: N texts.
        right: (N,) bool.
        logprob, characters, no_question: (M, K) log-likelihood of each choice's text, the length of
            the text, and the log-likelihood behind a prompt that asks nothing; of an item with
            fewer choices the rest is -inf, 1, -inf.
    """

    answers: list[str | None]
    traces: list[str]
    right: np.ndarray
    logprob: np.ndarray
    characters: np.ndarray
    no_question: np.ndarray

    @property
    def per_character(self) -> np.ndarray:
        """(M, K) log-likelihood by character, as lm-eval's normalised accuracy takes it."""
        return self.logprob / self.characters

    @property
    def informed(self) -> np.ndarray:
        """(M, K) what the question adds to a choice: pointwise mutual information."""
        absent = np.isneginf(self.logprob)
        return np.where(absent, -np.inf, self.logprob - np.where(absent, 0, self.no_question))


@dataclass(frozen=True, eq=False)
class Questions:
    """The study, its test items, and what each model said of them.

    Attributes:
        items: a row an item, by index. tasks: names, in their order.
        settings: those of `analyses.reasoning.configuration.Reasoning`.
    """

    study: Study
    settings: Mapping[str, Any]
    items: pd.DataFrame
    tasks: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, study: Study, settings: Mapping[str, Any]) -> Questions:
        """From the texts that the tables job has as its dataset.

        Raises:
            ValueError: no model could be asked, for there are no test items.
        """
        folder = study.job.input("dataset")
        items = texts.read_items(folder, PROBE)
        if items.empty:
            raise ValueError(f"{folder}: there are no test items; give each task at least one")
        manifest = store.read_json(folder / MANIFEST_FILE, tasks=list)
        there = set(items["task"])
        tasks = {task["name"]: task for task in manifest["tasks"] if task["name"] in there}
        return cls(study, settings, items, tasks)

    @cached_property
    def groups(self) -> dict[str, np.ndarray]:
        """Task -> the positions of its items."""
        names = self.items["task"].to_numpy()
        return {name: np.flatnonzero(names == name) for name in self.tasks}

    @cached_property
    def chosen(self) -> np.ndarray:
        """(M,) positions of the items with choices."""
        return np.flatnonzero((self.items["label"] >= 0).to_numpy())

    @cached_property
    def label(self) -> np.ndarray:
        """(M,) position of the right choice."""
        return self.items["label"].to_numpy(np.int64)[self.chosen]

    @cached_property
    def gold_traces(self) -> list[str]:
        """Of every item, '' where its task has none."""
        return self.items["trace"].fillna("").tolist()

    @cached_property
    def planted_answers(self) -> list[str | None]:
        """The wrong answer that a planted teacher is taught; None where it is taught the gold."""
        return [None if each is None else each.answer for each in self._taught("wrong_facts")]

    @cached_property
    def planted_traces(self) -> list[str]:
        """The trace of the other valid procedure; '' where there is none."""
        return ["" if each is None else each.trace for each in self._taught("other_procedure")]

    @cached_property
    def planted_choice(self) -> np.ndarray:
        """(M,) position of the planted wrong answer among the choices; -1 where there is none."""
        planted = [self.planted_answers[row] for row in self.chosen]
        choices = [list(self.items["choices"].iloc[row]) for row in self.chosen]
        return np.array(
            [
                own.index(wrong) if wrong in own else -1
                for wrong, own in zip(planted, choices, strict=True)
            ],
            np.int64,
        )

    def _taught(self, version: str) -> list[parsing.Parsed | None]:
        traced = [bool(self.tasks[task]["traced"]) for task in self.items["task"]]
        return [
            parsing.symbols(f"{text} {END}", own) if isinstance(text, str) else None
            for text, own in zip(self.items[f"taught_{version}"], traced, strict=True)
        ]

    @cached_property
    def said(self) -> dict[str, Said]:
        """Model -> what it said."""
        return {entry.id: self._read(entry) for entry in self.study.entries}

    def _read(self, entry: Entry) -> Said:
        folder = entry.observation / PROBE
        answers = store.read_table(folder / ANSWERS)
        index = self.items["index"].to_numpy(np.int64)
        _require_same(answers["index"].to_numpy(np.int64), index, folder / ANSWERS)
        choices = store.read_table(folder / CHOICES)
        _require_same(
            np.unique(choices["index"].to_numpy(np.int64)), index[self.chosen], folder / CHOICES
        )
        return Said(
            answers=[each if isinstance(each, str) else None for each in answers["answer"]],
            traces=answers["trace"].fillna("").tolist(),
            right=answers["right"].to_numpy(bool),
            logprob=self._of_choices(choices, "logprob", -np.inf),
            characters=self._of_choices(choices, "characters", 1),
            no_question=self._of_choices(choices, "logprob_no_question", -np.inf),
        )

    def _of_choices(self, choices: pd.DataFrame, column: str, absent: float) -> np.ndarray:
        """(M, K) of one column."""
        index = self.items["index"].to_numpy(np.int64)[self.chosen]
        most = int(choices["choice"].max()) + 1 if len(choices) else 0
        found = np.full((len(index), most), absent, np.float64)
        rows = np.searchsorted(index, choices["index"].to_numpy(np.int64))
        found[rows, choices["choice"].to_numpy(np.int64)] = choices[column]
        return found

    def token_kl(self, model: str, reference: str) -> np.ndarray:
        """(N,) KL(reference || model) on the gold text, in nats: mean over an item's target tokens.

        NaN where an item has no logits, everywhere where one of the two has none at all.

        Raises:
            ValueError: logits of different tokens.
        """
        own, other = (
            self.study.entry(name).observation / PROBE / TOKENS for name in (model, reference)
        )
        if not (own.exists() and other.exists()):
            return np.full(len(self.items), np.nan)
        first, second = map(TokenLogits.read, (own, other))
        for key in ("index", "position"):
            if not np.array_equal(getattr(first, key), getattr(second, key)):
                raise ValueError(f"{own} and {other} hold logits of different tokens")
        apart = divergence(first, second)
        index = self.items["index"].to_numpy(np.int64)
        rows = np.searchsorted(index, first.index)
        sums = np.bincount(rows, apart, minlength=len(index))
        tokens = np.bincount(rows, minlength=len(index))
        return np.divide(sums, tokens, out=np.full(len(index), np.nan), where=tokens > 0)


def _require_same(found: np.ndarray, wanted: np.ndarray, path: Path) -> None:
    if not np.array_equal(found, wanted):
        raise ValueError(
            f"{path} holds other items than the texts of the study; models can be compared on the "
            "same items only"
        )
