"""A few generated items, and jobs that train on them."""

from __future__ import annotations

from pathlib import Path

from distilscope.data import texts
from distilscope.planning.job import Job
from distilscope.training.train_texts import train

from ..observing.language import ARCHITECTURE
from .making import ADAMW, CE, changed

OF_TEXTS = {
    "name": "generated-tasks",
    "tasks": ["add", "sort", "fact"],
    "train": 14,
    "held_out": 2,
    "test": 4,
    "seed": 1,
    "facts": 4,
}
RECIPE = {
    "epochs": 2,
    "batch": 9,
    "optimizer": ADAMW,
    "schedule": {"name": "cosine", "warmup_epochs": 0, "milestones": [], "gamma": 0.1},
    "views": {"policy": "none", "tabulated": None},
    "positions": "answer",
    "taught": "gold",
}
SETTINGS = {
    "kind": "trained",
    "architecture": ARCHITECTURE,
    "init": {"from": "random"},
    "seed": 3,
    "precision": "fp32",
    "threads": 1,
    "recipe": RECIPE,
    "objective": CE,
}


def make_texts(folder: Path, **changes) -> Path:
    """What `data.texts.prepare` writes."""
    settings = {**OF_TEXTS, **changes}
    texts.prepare(Job("texts", "texts", "0" * 12, settings, {}, Path(folder)))
    return Path(folder)


def model_job(folder: Path, dataset: Path, settings=SETTINGS, **inputs) -> Job:
    """A training."""
    given = {"dataset": str(dataset), **inputs}
    return Job("model", "net", "0123456789ab", settings, given, Path(folder))


def targets_job(folder: Path, dataset: Path, teacher: Path, **changes) -> Job:
    """A table of a teacher's logits."""
    settings = {"positions": "answer", "taught": "gold", "precision": "fp32", "threads": 1}
    inputs = {"dataset": str(dataset), "teacher": str(teacher)}
    return Job("targets", "table", "ba9876543210", {**settings, **changes}, inputs, Path(folder))


def make_teacher(folder: Path, dataset: Path) -> Path:
    """A trained model that is wider than `SETTINGS` say; its artefact's folder."""
    settings = changed(SETTINGS, seed=11, architecture__settings__width=20)
    train(model_job(folder, dataset, settings), folder / "checkpoints")
    return folder
