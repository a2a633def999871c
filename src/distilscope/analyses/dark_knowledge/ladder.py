"""A ladder of teachers: what all numbers of dark knowledge are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from distilscope import store
from distilscope.analyses.dark_knowledge.distinctness import Distinctness, distinctness
from distilscope.analyses.dark_knowledge.observe import TRAIN
from distilscope.data.files import MANIFEST_FILE
from distilscope.measuring import observations
from distilscope.measuring.observations import Outputs
from distilscope.measuring.study import HELD_OUT, PROBE, Entry, Study

PLAIN = (None, "ce")
"""Objectives of a ladder's teachers: cross-entropy, or not known as of given weights."""

PROBES = (TRAIN, HELD_OUT, PROBE)


@dataclass(frozen=True, eq=False)
class Ladder:
    """The teachers of a study with what they said.

    Attributes:
        settings: those of `analyses.dark_knowledge.configuration.DarkKnowledge`.
        train: model -> what it says of the training images.
    """

    study: Study
    settings: Mapping[str, Any]
    train: Mapping[str, Outputs]

    @classmethod
    def of(cls, study: Study, settings: Mapping[str, Any]) -> Ladder:
        """From a study's observations.

        Raises:
            ValueError: models that were observed on different images.
        """
        train = {e.id: observations.read_outputs(e.observation, TRAIN) for e in study.entries}
        first = train[study.entries[0].id]
        for other in train.values():
            observations.require_same_images(first, other)
        return cls(study, settings, train)

    def outputs(self, model: str, probe: str) -> Outputs | None:
        """What a model says of a probe; None where it wasn't observed on it."""
        return {TRAIN: self.train, HELD_OUT: self.study.held_out, PROBE: self.study.outputs}[
            probe
        ].get(model)

    @cached_property
    def teachers(self) -> list[Entry]:
        """Teachers and twins, by the size of their networks."""
        found = [e for e in self.study.entries if e.role in ("teacher", "twin")]
        return sorted(found, key=lambda e: (self.size(e), e.network, e.role == "twin", e.seed))

    @cached_property
    def rungs(self) -> list[str]:
        """The entries of teachers, from the smallest."""
        return list(dict.fromkeys(entry.network for entry in self.teachers))

    @cached_property
    def plain_rungs(self) -> list[str]:
        """Those trained on labels alone: one recipe, so that they differ in size only. Teachers
        with an objective of their own stand beside them.
        """
        of = {e.network: self.study.conditions[e.condition].objective for e in self.teachers}
        return [rung for rung in self.rungs if of[rung] in PLAIN]

    @cached_property
    def floors(self) -> list[Entry]:
        """Untrained networks."""
        return [entry for entry in self.study.entries if entry.role == "floor"]

    @cached_property
    def students(self) -> list[Entry]:
        """Those that learned from one teacher of the ladder."""
        found = (e for e in self.study.entries if e.role == "student" and len(e.teachers) == 1)
        return [entry for entry in found if self.study.conditions[entry.condition].objective]

    def family(self, rung: str) -> list[Entry]:
        """The teachers, then the twins, of an entry."""
        return [entry for entry in self.teachers if entry.network == rung]

    def size(self, entry: Entry) -> float:
        """Parameters of a model's network."""
        return self.study.costs[entry.id]["parameters"]

    def accuracy(self, entry: Entry, probe: str = PROBE) -> float:
        """Share of a probe's images that a model gets right; NaN where it wasn't observed."""
        found = self.outputs(entry.id, probe)
        return float("nan") if found is None else float(found.correct.mean())

    def distinctness(self, entry: Entry, tau: float, probe: str = TRAIN) -> Distinctness:
        """Of a model on a probe at a temperature."""
        found = self.outputs(entry.id, probe)
        return distinctness(found.logits, found.label, tau)

    def spread_of(self, rung: str) -> float:
        """sigma(q) on the training images at the shared temperature: mean over the rung's models
        that students learn from.
        """
        own = [entry for entry in self.family(rung) if entry.role == "teacher"]
        tau = self.settings["shared"]
        return float(np.mean([self.distinctness(entry, tau).wrong_sd.mean() for entry in own]))

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, by label."""
        manifest = store.read_json(self.study.job.input("dataset") / MANIFEST_FILE, classes=list)
        return tuple(manifest["classes"])
