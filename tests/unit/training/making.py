"""A data set of three easy classes at 8 pixels, and jobs over it."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np

from distilscope import store
from distilscope.planning.job import Job
from distilscope.training.objectives import ce
from distilscope.training.objectives import kd as kd_file
from distilscope.training.train import train

TRAIN, HELD_OUT, TEST, SIZE, CLASSES = 41, 12, 6, 8, 3
VIEWS = {"policy": "crop-flip", "pad": 1, "tabulated": 4}
NETWORK = {
    "builder": "distilscope.models.plain:build",
    "settings": {"widths": [6, 8], "pools": [1]},
}
RECIPE = {
    "epochs": 3,
    "batch": 8,
    "optimizer": {
        "name": "sgd",
        "lr": 0.1,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "nesterov": False,
    },
    "schedule": {"name": "cosine", "warmup_epochs": 0, "milestones": [], "gamma": 0.1},
    "views": VIEWS,
}
ADAMW = {"name": "adamw", "lr": 0.01, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01}
CE = ce.OBJECTIVE.settings({})
SETTINGS = {
    "kind": "trained",
    "architecture": NETWORK,
    "init": {"from": "random"},
    "seed": 3,
    "precision": "fp32",
    "threads": 1,
    "recipe": RECIPE,
    "objective": CE,
}


def kd(T=4.0, alpha=0.9, combine=None):
    return kd_file.OBJECTIVE.settings({"T": T, "alpha": alpha}, combine)


def make_dataset(folder: Path) -> Path:
    """What `data.prepare` writes; the indices have gaps, and class c has channel c brightest."""
    random = np.random.default_rng(0)
    total = TRAIN + HELD_OUT + TEST
    labels = np.arange(total) % CLASSES
    images = random.integers(0, 120, size=(total, 3, SIZE, SIZE))
    images[np.arange(total), labels] += 100
    cut = TRAIN + HELD_OUT
    held_out = np.zeros(cut, dtype=bool)
    held_out[random.choice(cut, HELD_OUT, replace=False)] = True
    indices = 3 * np.arange(total) + 1
    store.write_tensors(
        folder / "images.safetensors",
        {
            "train.images": images[:cut].astype(np.uint8),
            "train.labels": labels[:cut],
            "train.indices": indices[:cut],
            "train.held_out": held_out,
            "test.images": images[cut:].astype(np.uint8),
            "test.labels": labels[cut:],
            "test.indices": indices[cut:],
        },
    )
    manifest = {"classes": ["a", "b", "c"], "image_size": SIZE, "mean": [0.4] * 3, "std": [0.2] * 3}
    store.write_json(folder / "manifest.json", manifest)
    return folder


def changed(settings=SETTINGS, **changes):
    """A deep copy of settings with `a__b=value` set at a.b."""
    result = copy.deepcopy(settings)
    for path, value in changes.items():
        *where, last = path.split("__")
        place = result
        for key in where:
            place = place[key]
        place[last] = value
    return result


def model_job(
    folder, dataset, settings=SETTINGS, *, identity="0123456789ab", information=None, **inputs
):
    return Job(
        kind="model",
        slug="net",
        identity=identity,
        settings=settings,
        inputs={"dataset": str(dataset), **inputs},
        folder=Path(folder),
        information=information or {},
    )


def targets_job(folder, dataset, teacher, *, precision="fp32", views=VIEWS):
    return Job(
        kind="targets",
        slug="teacher-views",
        identity="ba9876543210",
        settings={
            "views": views,
            "precision": precision,
            "threads": 1,
            "architecture": NETWORK,
            "preprocessing": None,
        },
        inputs={"dataset": str(dataset), "teacher": str(teacher)},
        folder=Path(folder),
    )


def prepared_job(folder, dataset, targets, **parameters):
    """What `fused` makes of a table."""
    prepare = "distilscope.training.objectives.fused:prepare"
    return Job(
        kind="prepared",
        slug="fused-teacher",
        identity="1a9876543210",
        settings={"prepare": prepare, "parameters": parameters, "threads": 1},
        inputs={"dataset": str(dataset), "targets": str(targets)},
        folder=Path(folder),
    )


def digest(folder, name="weights.safetensors"):
    return store.digest_file(Path(folder) / name)


def trained(tmp_path, name, dataset, settings=SETTINGS, **more):
    folder = tmp_path / name
    train(model_job(folder, dataset, settings, **more), tmp_path / "checkpoints")
    return folder


def weights_of(folder):
    return store.read_tensors(folder / "weights.safetensors")


def history_of(folder):
    return store.read_table(folder / "history.parquet")


def facts_of(folder):
    return store.read_json(folder / "run.json")["facts"]
