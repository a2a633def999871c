"""A made-up ladder: teachers that get surer with size, and students of each, in memory."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from distilscope.analyses.dark_knowledge.ladder import Ladder
from distilscope.data import composed_tree
from distilscope.measuring.observations import Outputs
from distilscope.measuring.study import Entry
from distilscope.planning.conditions import Condition

from ..measuring.made_entry import made_entry, made_study, tables_job

RUNGS = ("r1", "r2", "r3", "r4", "r5")
SETTINGS = {
    "tau": [1.0, 4.0],
    "shared": 4.0,
    "top": 3,
    "permutations": 99,
    "seed": 0,
    "planted": None,
    "shuffles": 20,
    "tuning": {"arms": ["ts", "ats"], "tries": 2, "seed": 1},
}
TS = {"tau_student": 1.0, "alpha": 0.5}


class MadeLadder:
    """Adds models with logits; `ladder()` is what the analysis measures."""

    def __init__(self, folder: Path, images: int = 96, classes: int = 24, **settings) -> None:
        self.folder, self.classes = folder, classes
        self.settings = {**SETTINGS, **settings}
        self.labels = np.arange(images) % classes
        self.random = np.random.default_rng(0)
        self.entries: list[Entry] = []
        self.conditions: dict[str, Condition] = {}
        self.said: dict[str, dict[str, Outputs]] = {"train": {}, "held-out": {}, "test": {}}
        self.sizes: dict[str, float] = {}

    def add(self, id, condition, seed, logits, parameters=1000, teachers=()) -> None:
        """A model that says the same on every set of images, or {set: logits}."""
        name = id.rpartition("-s")[0]
        self.conditions[name] = condition
        self.sizes[id] = parameters
        own = {"network": condition.network, "source": condition.source, "teachers": teachers}
        compared = [(teacher, "teacher") for teacher in teachers]
        self.entries.append(made_entry(id, condition.role, name, seed, compared, **own))
        index = np.arange(len(self.labels))
        for probe, kept in self.said.items():
            own = logits[probe] if isinstance(logits, dict) else logits
            kept[id] = Outputs(index, self.labels, np.asarray(own, np.float32), self.folder)

    def teachers(self, rungs=RUNGS, related: np.ndarray | None = None, noise=0.3) -> None:
        """A teacher and a twin a rung: rung k adds 2 k to the label's logit."""
        tree = np.zeros((self.classes,) * 2) if related is None else related
        shape = (len(self.labels), self.classes)
        for place, rung in enumerate(rungs):
            for role, seed in (("teacher", 101), ("twin", 102)):
                logits = tree[self.labels] + noise * self.random.normal(size=shape)
                logits[np.arange(len(self.labels)), self.labels] += 4 + 2 * place
                id = f"{rung}-s{seed}" if role == "teacher" else f"{rung}-twin-s{seed}"
                condition = Condition(role, rung, objective="ce")
                self.add(id, condition, seed, logits, 1000.0 * (place + 1))

    def right(self, share: float) -> np.ndarray:
        """Logits that are right about exactly so many of the images."""
        n = len(self.labels)
        kept = np.arange(n) < round(share * n)
        said = np.where(kept, self.labels, (self.labels + 1) % self.classes)
        return 5.0 * np.eye(self.classes)[said]

    def student(self, rung, objective, seed, test, held_out=0.5, **parameters) -> None:
        """A student with these shares of right answers."""
        own = {**parameters, **TS}
        condition = Condition(
            "student", "tiny", objective=objective, parameters=tuple(own.items()), teachers=(rung,)
        )
        spelt = "-".join(f"{value:g}" for value in own.values())
        logits = {
            "train": self.right(test),
            "test": self.right(test),
            "held-out": self.right(held_out),
        }
        name = f"tiny-{objective}-{spelt}-{rung}-s{seed}"
        self.add(name, condition, seed, logits, 500.0, (f"{rung}-s101",))

    def ladder(self) -> Ladder:
        """All of it as the analysis reads it."""
        tree = list(composed_tree.CLASSES)
        names = tree if self.classes == 24 else [f"class {c}" for c in range(self.classes)]
        study = made_study(
            *(self.entries, len(self.labels), self.classes, self.said["test"], ("dark_knowledge",)),
            job=tables_job(self.folder, names, {name: name for name in self.conditions}),
            conditions=self.conditions,
            held_out=self.said["held-out"],
            replicates=50,
        )
        vars(study)["costs"] = {id: {"parameters": size} for id, size in self.sizes.items()}
        return Ladder(study, self.settings, self.said["train"])


def rows_of(ladder):
    return ladder.study.rows.frame()


def tuned(made: MadeLadder) -> Ladder:
    """At seed 1 the setting 4 is the better for all but r5; seeds 2 and 3 are reported."""
    for (place, rung), tau in itertools.product(enumerate(RUNGS), (2.0, 4.0)):
        better = 2.0 if rung == "r5" else 4.0
        for seed in (1, 2, 3):
            test = 0.9 if seed == 1 else 0.75 - 0.125 * place + 0.0625 * (seed - 2)
            held_out = 0.75 if tau == better else 0.5
            made.student(rung, "ts", seed, test, held_out, tau_teacher=tau)
            for name in ("ats",):
                both = {"tau_true": 4.0, "tau_rest": tau}
                made.student(rung, name, seed, test, held_out, **both)
    return made.ladder()
