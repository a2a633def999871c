"""A made-up study on disk, with known truth, in the format that observing writes.

`MadeStudy(folder).write()` makes the dataset, the models and their observations; `compare_all()`
makes the comparisons, `measure()` the tables. A map is the class's usual place plus what is the
image's own plus noise, so that a model that shares only the first has an image-specific rho of 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from distilscope import store
from distilscope.measuring.compare import compare
from distilscope.measuring.tables import measure
from distilscope.planning.conditions import Condition
from distilscope.planning.job import Job
from distilscope.workflow.provenance import Stopwatch, write_run

from .made_models import FIRST_INDEX, MODELS, RULES, TEACHER, Made


@dataclass
class MadeStudy:
    """Writes the folders of a study under `folder`."""

    folder: Path
    models: tuple[Made, ...] = MODELS
    classes: int = 4
    images: int = 400
    size: int = 16
    subset: int = 60
    gram_batch: int = 50
    held_out: bool = True
    settings: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.index = FIRST_INDEX + 3 * np.arange(self.images)
        self.labels = np.arange(self.images) * 7 % self.classes
        generator = np.random.default_rng(1)
        self.places = generator.standard_normal((self.classes, 4, 4))
        self.owns = generator.standard_normal((self.images, 4, 4))
        self.features = generator.standard_normal((self.images, 6))
        shape = (self.images, 3, self.size, self.size)
        self.pictures = np.random.default_rng(4).integers(0, 256, shape, np.uint8)
        self.subset_rows = np.sort(generator.choice(self.images, self.subset, replace=False))

    # ---------------------------------------------------------------------------- folders

    def model(self, name: str) -> Made:
        return next(made for made in self.models if made.id == name)

    def model_folder(self, name: str) -> Path:
        return self.folder / "store" / "models" / name

    def observation(self, name: str) -> Path:
        return self.folder / "store" / "observations" / name

    def comparison(self, name: str) -> Path:
        return self.folder / "store" / "comparisons" / f"{name}-vs-{self.teacher}"

    @property
    def dataset(self) -> Path:
        return self.folder / "store" / "datasets" / "made-up"

    @property
    def tables(self) -> Path:
        return self.folder / "store" / "tables" / "made-up"

    @property
    def teacher(self) -> str:
        return next(made.id for made in self.models if made.role == "teacher")

    # ------------------------------------------------------------------------------ writing

    def write(self) -> MadeStudy:
        names = [f"class {number}" for number in range(self.classes)]
        store.write_json(self.dataset / "manifest.json", {"classes": names})
        store.write_tensors(
            self.dataset / "images.safetensors",
            {
                "test.images": self.pictures[::-1],  # not in the order of the probe
                "test.labels": self.labels[::-1],
                "test.indices": self.index[::-1],
            },
        )
        for made in self.models:
            self._write_model(made)
            self._write_observation(made)
        return self

    def _write_model(self, made: Made) -> None:
        folder = self.model_folder(made.id)
        if made.role != "floor":
            history = {"epoch": [1, 2], "lr": [0.1, 0.05], "loss": [1.5, 0.9]}
            extra = {name: [0.5, 0.8] for name in ("train_accuracy", "held_out_accuracy")}
            store.write_table(folder / "history.parquet", pd.DataFrame({**history, **extra}))
        write_run(Job("model", made.id, made.id[:12], {}, {}, folder), Stopwatch(), {})

    def _write_observation(self, made: Made) -> None:
        folder = self.observation(made.id)
        generator = np.random.default_rng([len(made.id), *made.id.encode()])
        logits = self.logits(made, generator)
        self._write_logits(folder / "test", logits, self.index, self.labels)
        if self.held_out:
            half = self.images // 2
            rows = slice(0, half)
            self._write_logits(
                folder / "held-out", logits[rows], self.index[rows] - 4000, self.labels[rows]
            )
        self._write_maps(folder / "test", made, logits.argmax(axis=1), generator)
        self._write_input_maps(folder / "test", generator)
        self._write_grams(folder / "test", made, generator)
        self._write_more(folder / "test", made)
        facts = {
            "parameters": made.parameters,
            "multiply_adds": 30 * made.parameters,
            "latency_ms": {"batch 1": 1.5, "batch 64": 20.0},
        }
        write_run(Job("observation", made.id, made.id[:12], {}, {}, folder), Stopwatch(), facts)

    def _write_more(self, folder: Path, made: Made) -> None:
        """What other made-up studies observe besides."""

    def logits(self, made: Made, generator: np.random.Generator) -> np.ndarray:
        """Wrong on exactly the images that its generator picks."""
        wrong = generator.choice(self.images, round((1 - made.accuracy) * self.images), False)
        said = self.labels.copy()
        said[wrong] = (said[wrong] + 1) % self.classes
        logits = generator.standard_normal((self.images, self.classes)).clip(-1.5, 1.5)
        logits[np.arange(self.images), said] += 4.0
        return logits.astype(np.float32)

    def _write_logits(self, folder: Path, logits, index, labels) -> None:
        table = {"index": index, "label": labels, "logits": list(logits)}
        store.write_table(folder / "logits.parquet", pd.DataFrame(table), {})

    def _write_maps(self, folder: Path, made: Made, prediction, generator) -> None:
        """Maps for label, own prediction and the teacher's prediction, each distinct one once."""
        references = self.teacher_predictions()
        parts = []
        for layer, side in made.layers.items():
            done = np.zeros((self.images, self.classes), bool)
            for classes in (self.labels, prediction, references):
                rows = np.flatnonzero(~done[np.arange(self.images), classes])
                done[rows, classes[rows]] = True
                maps = self.maps(made, rows, classes[rows], side, generator)
                if layer == next(iter(made.layers)):
                    right = np.flatnonzero(
                        (prediction == self.labels) & (references == self.labels)
                    )
                    maps[np.isin(rows, right[: made.dead])] = -1.0
                parts.append(self._map_rows(rows, classes[rows], layer, maps))
        grids = {layer: [side, side] for layer, side in made.layers.items()}
        self._write_map_table(folder, "gradcam", parts, grids)

    def teacher_predictions(self) -> np.ndarray:
        made = self.model(self.teacher)
        generator = np.random.default_rng([len(made.id), *made.id.encode()])
        return self.logits(made, generator).argmax(axis=1)

    def maps(self, made: Made, rows, classes, side: int, generator) -> np.ndarray:
        base = made.place * self.places[classes] + made.own * self.owns[rows]
        base = base + made.noise * generator.standard_normal(base.shape)
        return np.kron(base, np.ones((1, side // 4, side // 4))).astype(np.float32)

    def _map_rows(self, rows, classes, layer: str, maps) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "index": self.index[rows],
                "class": classes.astype(np.int16),
                "layer": layer,
                "map": list(maps.reshape(len(maps), maps.shape[1] * maps.shape[2])),
            }
        )

    def _write_input_maps(self, folder: Path, generator) -> None:
        rows, side = self.subset_rows, self.size
        maps = np.abs(generator.standard_normal((len(rows), side, side))).astype(np.float32)
        parts = [self._map_rows(rows, self.teacher_predictions()[rows], "input", maps)]
        self._write_map_table(folder, "saliency", parts, {"input": [side, side]})

    def _write_map_table(self, folder: Path, method: str, parts, grids) -> None:
        about = {"method": method, "grids": grids, "image_size": self.size}
        table = pd.concat(parts, ignore_index=True)
        store.write_table(folder / f"saliency.{method}.parquet", table, about)

    def _write_grams(self, folder: Path, made: Made, generator) -> None:
        order = np.random.default_rng(3).permutation(self.images)
        batches = order[: len(order) // self.gram_batch * self.gram_batch]
        batches = batches.reshape(-1, self.gram_batch)
        tensors, pooled = {"index": self.index[batches]}, {"index": self.index}
        for place, (layer, side) in enumerate(made.layers.items()):
            features = self.features + 0.3 * place * generator.standard_normal(self.features.shape)
            if made.noise_features:
                features = generator.standard_normal(self.features.shape)
            # Spread over the grid, so that the flattened features of unequal grids differ in width.
            flat = features[:, :, None] * np.linspace(0.5, 1.5, side * side)
            for reduction, kept in (("gap", features), ("flatten", flat.reshape(len(flat), -1))):
                parts = kept[batches]
                parts = parts - parts.mean(axis=1, keepdims=True)
                gram = (parts @ parts.transpose(0, 2, 1)).astype(np.float32)
                tensors[f"{layer}.{reduction}"] = gram
            pooled[f"{layer}.gap"] = features.astype(np.float32)
        store.write_tensors(folder / "grams.safetensors", tensors, {})
        store.write_tensors(folder / "features.safetensors", pooled, {})

    # --------------------------------------------------------------------------------- jobs

    def _comparison_settings(self, name: str, changes: dict) -> dict:
        made, teacher = self.model(name), self.model(self.teacher)
        settings = {
            "probe": "test",
            "methods": ["gradcam", "saliency"],
            "layers": [list(p) for p in zip(made.layers, teacher.layers, strict=True)],
            "layer_names": list(made.layers),
            "reference_layer_names": list(teacher.layers),
            "reductions": ["gap"],
            "image_size": self.size,
            "analyses": {
                "alignment": {
                    **RULES,
                    "resolutions": ["native", "input"],
                    "explained": ["reference", "own", "label"],
                    "object": None,
                },
                "representation": {"neighbours": 10},
            },
        }
        return self._with(settings, changes)

    @staticmethod
    def _with(settings: dict, changes: dict) -> dict:
        """The settings with others: of the job or an analysis; None leaves an analysis out."""
        analyses = {name: dict(own) for name, own in settings["analyses"].items()}
        found = {**settings, "analyses": analyses}
        for key, value in changes.items():
            if value is None:
                analyses.pop(key, None)
                continue
            if key in analyses or (isinstance(value, dict) and key not in settings):
                analyses[key] = {**analyses.get(key, {}), **value}
                continue
            owner = next((own for own in analyses.values() if key in own), found)
            owner[key] = value
        return found

    def compare_job(self, name: str, **changes) -> Job:
        settings = self._comparison_settings(name, changes)
        family = [m.id for m in self.models if m.role in ("teacher", "twin")]
        inputs = {
            "dataset": str(self.dataset),
            "observation": str(self.observation(name)),
            "reference": str(self.observation(self.teacher)),
            "common": [str(self.observation(member)) for member in family],
        }
        return Job("comparison", name, "0" * 12, settings, inputs, self.comparison(name))

    def compare_all(self) -> MadeStudy:
        for made in self.models:
            if made.role != "teacher":
                compare(self.compare_job(made.id))
        return self

    def images_of(self, name: str) -> pd.DataFrame:
        return store.read_table(self.comparison(name) / "images.parquet")

    def tables_job(self, **changes) -> Job:
        settings = {
            "study": "made-up",
            "models": [self._row(made) for made in self.models],
            "conditions": {_key(made): self.condition(made) for made in self.models},
            "statistics": {"bootstrap": 200, "level": 0.95, "seed": 0},
            "methods": ["gradcam", "saliency"],
            "claims": None,
            "analyses": {
                "outputs": {"ece_bins": 15},
                "alignment": {**RULES, "divergent": 12, "method": "gradcam", **self.settings},
                "representation": {"neighbours": 10},
            },
        }
        inputs = {
            "dataset": str(self.dataset),
            "observations": [str(self.observation(made.id)) for made in self.models],
            "comparisons": [
                str(self.comparison(made.id)) for made in self.models if made.role != "teacher"
            ],
        }
        found = self._with(settings, changes)
        return Job("tables", "made-up", "0" * 12, found, inputs, self.tables)

    def condition(self, made: Made) -> dict:
        parameters = (("T", made.T), ("alpha", made.alpha)) if made.T else ()
        objective = None if made.role == "floor" else "kd" if made.T else "ce"
        teachers = ("teacher",) if made.T else ()
        network = made.id.split("-")[0]
        own = Condition(made.role, network, "trained", objective, parameters, teachers)
        return {"label": _key(made), **own.record(), "derived": dict(parameters)}

    def _row(self, made: Made) -> dict:
        relation = "twin" if made.role == "twin" else "teacher"
        folder = str(self.comparison(made.id))
        compared = {"reference": self.teacher, "relation": relation, "folder": folder}
        return {
            "id": made.id,
            "condition": _key(made),
            "role": made.role,
            "network": made.id.split("-")[0],
            "source": "trained",
            "architecture": "resnet18" if made.layers == TEACHER else "plain-tiny",
            "seed": made.seed,
            "teachers": [self.teacher] if made.T else [],
            "identity": made.id[:12],
            "explained": list(made.layers),
            "model": str(self.model_folder(made.id)),
            "observation": str(self.observation(made.id)),
            "comparisons": [compared] if made.role != "teacher" else [],
        }

    def measure(self) -> MadeStudy:
        measure(self.tables_job())
        return self

    def table(self, name: str) -> pd.DataFrame:
        return store.read_table(self.tables / f"{name}.parquet")


def _key(made: Made) -> str:
    """The name of a condition: its models differ in their seeds only."""
    return f"{made.id.rpartition('-')[0]}-{made.role}"
