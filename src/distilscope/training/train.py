"""The job that makes a model: trained here, left untrained, or taken from a file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from torch import nn

from distilscope import store
from distilscope.data.dataset import Dataset, load
from distilscope.models import weights
from distilscope.models.build import build
from distilscope.models.memory_format import place
from distilscope.planning.job import Job
from distilscope.training import images, runtime
from distilscope.training.batches import BatchPlan
from distilscope.training.evaluate import evaluate
from distilscope.training.loop import Task
from distilscope.training.making import Start, initial, loss_of, make
from distilscope.training.signals import Signal, TargetTable

NAMED = 5
"""Classes that a message names."""


def train(job: Job, checkpoints: Path) -> None:
    """Make `weights.safetensors`, `history.parquet` and `run.json` of a model.

    Settings: `kind`, `architecture`, `preprocessing` {mean, std} or none. For kind `trained` also
    `init`, `seed`, `recipe` (None leaves the model as it is initialised), `objective`, `precision`
    and `threads`. For kind `given` the weights are those of `information["weights_file"]`, checked
    and saved.
    Inputs: `dataset`; the teachers, in the objective's order, as `targets` (tables) and then
    `teachers` (models that are asked at each step: in training mode where the setting
    `teachers_in_training_mode` is true); `prepared`, what the objective made of a table.
    `information["init_file"]` is the file of `init`.

    Args:
        job: what to make.
        checkpoints: a folder that outlives the job; the model's are in a folder of their own in it.

    Raises:
        TrainingError, Interrupted, CheckpointError: see `loop.fit`.
        WeightsError, ModelError: the weights or the network can't be used.
        SignalError: a teacher's logits don't fit the images.
    """
    make(job, checkpoints, _start)


def _start(job: Job) -> Start:
    settings, device = job.settings, torch.device(job.device)
    precision = settings.get("precision", "fp32")
    runtime.prepare(settings.get("threads", 1), job.device)
    dataset = load(job.input("dataset"), device)
    model, loaded = begin(job, dataset)
    place(model, device)

    def accuracy() -> float:
        held_out = images.batches(dataset.split("held-out"))
        to_model = partial(images.prepared, dataset.preprocessing(settings.get("preprocessing")))
        return evaluate(model, held_out, to_model, precision).accuracy

    return Start(
        model=model,
        learner=model,
        loaded=loaded,
        task=lambda: task_of(job, dataset),
        accuracy=accuracy,
        doubts=partial(_doubts, job, dataset),
        examples=len(dataset.split("train")),
        unit=dataset.unit,
    )


def begin(job: Job, dataset: Dataset) -> tuple[nn.Module, weights.Loaded]:
    """The model of a job's settings at the start, on the CPU: built, and initialised or loaded.

    Raises:
        WeightsError, ModelError: the weights or the network can't be used.
    """
    settings, seed = job.settings, job.settings.get("seed", 0)
    model = build(settings["architecture"], len(dataset.classes), dataset.channels, seed)
    return initial(job, model)


def task_of(job: Job, dataset: Dataset) -> Task:
    """What the model of a job's settings learns, from the job's inputs.

    Raises:
        SignalError: a teacher's logits don't fit the images.
        ValueError: views that the policy doesn't have, or too few images.
    """
    settings, recipe = job.settings, job.settings["recipe"]
    split = dataset.split("train")
    plan = BatchPlan(split.indices, recipe, settings["seed"])
    return Task(
        name=job.slug,
        inputs=images.Images.of(
            dataset, recipe["views"], settings.get("preprocessing"), images.drawn_of(job)
        ),
        plan=plan,
        objective=loss_of(settings["objective"], _prepared(job)),
        signals=_signals(job, dataset, plan),
        recipe=recipe,
        seed=settings["seed"],
        precision=settings["precision"],
    )


def _prepared(job: Job) -> dict[str, torch.Tensor]:
    """What the objective made of its teacher's table, on the job's device."""
    if "prepared" not in job.inputs:
        return {}
    found = store.read_tensors(job.input("prepared") / "prepared.safetensors")
    return {name: torch.from_numpy(array).to(job.device) for name, array in found.items()}


def _signals(job: Job, dataset: Dataset, plan: BatchPlan) -> list[Signal]:
    device, indices = torch.device(job.device), dataset.split("train").indices
    tables = [
        TargetTable(folder, indices, plan.table, device, len(dataset.classes))
        for folder in job.inputs_of("targets")
    ]
    how = job.settings["precision"], device, job.settings.get("teachers_in_training_mode", False)
    online = [images.online_teacher(folder, dataset, *how) for folder in job.inputs_of("teachers")]
    return [*tables, *online]


def _doubts(job: Job, dataset: Dataset, accuracy: float) -> list[str]:
    """Whether a given model knows no more than which class is the largest of the held-out images.

    By chance it may be right about two standard errors more.
    """
    labels = dataset.split("held-out").labels
    if job.settings.get("kind") != "given" or not len(labels) or (labels < 0).any():
        return []
    chance = labels.bincount().max().item() / len(labels)
    if accuracy > chance + 2 * math.sqrt(chance * (1 - chance) / len(labels)):
        return []
    return [
        f"{job.slug}: this given model is right about {accuracy:.1%} of {len(labels)} held-out "
        f"images, and so would be one that always answers with one class ({chance:.1%}). Were its "
        f"classes in another order than the data set's ({_first(dataset.classes)})? `data.classes` "
        "gives an order. Or is `preprocessing` not the one that it was trained with?"
    ]


def _first(classes: Sequence[str]) -> str:
    return ", ".join(classes[:NAMED]) + (", ..." if len(classes) > NAMED else "")
