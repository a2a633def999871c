"""A made-up study: models that attend and answer at random, on four sets of images, in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from distilscope import store
from distilscope.analyses.attention.sets import Sets
from distilscope.measuring.observations import Outputs
from distilscope.measuring.study import Entry
from distilscope.planning.conditions import Condition

from ..measuring.made_entry import made_entry, made_study, tables_job

SETTINGS = {
    "threshold": 0.4,
    "batch": 8,
    "shuffles": 5,
    "seed": 0,
    "views": {"weak": {"name": "weak"}, "strong": {"name": "strong"}},
    "base": "weak",
}
SETS = ("train", "test", "weak-train", "weak-test", "strong-train", "strong-test")
IMAGES = {"train": 30, "test": 20}
CLASSES, GRID, SIZE = 4, 3, 8


class MadeStudy:
    """Adds models with logits and maps; `sets()` is what the analysis measures."""

    def __init__(self, folder: Path, **settings) -> None:
        self.folder, self.settings = folder, {**SETTINGS, **settings}
        self.random = np.random.default_rng(0)
        self.entries: list[Entry] = []
        self.conditions: dict[str, Condition] = {}
        self.outputs: dict[str, Outputs] = {}
        self.said: dict[tuple[str, str], dict[str, np.ndarray]] = {}

    def add(
        self, id, role, views, seed=1, teachers=(), references=(), head=True, **condition
    ) -> None:
        """A model; `references` are (id, relation)."""
        network = id.rpartition("-s")[0]
        named = tuple(teacher.rpartition("-s")[0] for teacher in teachers)
        made = Condition(role, network, views=views, teachers=named, **condition)
        self.conditions[network] = made
        own = self.folder / id
        for name in SETS:
            n = IMAGES[name.rpartition("-")[2]]
            arrays = {
                "index": 3 * np.arange(n),
                "label": np.arange(n) % CLASSES,
                "logits": 2 * self.random.normal(size=(n, CLASSES)).astype(np.float32),
            }
            if head:
                for method in ("attention", "gradcam"):
                    arrays[method] = self.random.normal(size=(n, GRID, GRID)).astype(np.float32)
            self.said[id, name] = arrays
            store.write_tensors(own / "attention" / f"{name}.safetensors", arrays)
        history = pd.DataFrame({"epoch": [1, 2], "train_accuracy": [0.5, 0.75]})
        store.write_table(own / "history.parquet", history, {})
        test = self.said[id, "test"]
        self.outputs[id] = Outputs(test["index"], test["label"], test["logits"], own)
        places = {"folder": own, "observation": own, "explained": ("last",) if head else ()}
        who = {"network": network, "source": made.source, "teachers": tuple(teachers), **places}
        self.entries.append(made_entry(id, role, network, seed, references, None, **who))

    def committee(self) -> None:
        """Two teachers of each augmentation, a committee of two, its student, and a control."""
        for name in ("weak-a", "weak-b", "strong-a", "strong-b"):
            self.add(f"{name}-s1", "teacher", name.partition("-")[0])
        members = ("weak-a-s1", "strong-a-s1")
        self.add("both-s0", "committee", None, 0, members, head=False, source="combined")
        references = (*((name, "teacher") for name in members), ("both-s0", "committee"))
        taught = {"objective": "kd", "parameters": (("T", 3.0),), "combine": "losses"}
        self.add("student-s1", "student", "strong", 1, members, references, **taught)
        self.add("alone-s1", "control", "weak", 1, (), references[:1], objective="ce")

    def sets(self) -> Sets:
        """All of it as the analysis reads it."""
        names = [f"class {c}" for c in range(CLASSES)]
        labels = {name: f"the {name}" for name in self.conditions}
        study = made_study(
            *(self.entries, IMAGES["test"], CLASSES, self.outputs, ("attention", "outputs")),
            job=tables_job(self.folder, names, labels, image_size=SIZE),
            conditions=self.conditions,
            replicates=50,
        )
        return Sets(study, self.settings)
