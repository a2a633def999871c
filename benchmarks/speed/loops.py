"""Our training loop and tabulating, as a study runs them, timed by their own clocks."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from distilscope import store
from distilscope.data.views import make_policy
from distilscope.training import runtime
from distilscope.training.batches import BatchPlan
from distilscope.training.checkpoint import Keeper, State
from distilscope.training.images import Images, prepared
from distilscope.training.loop import Task, fit
from distilscope.training.objectives import kd
from distilscope.training.optimiser import Optimiser
from distilscope.training.signals import OnlineTeacher, Signal, TargetTable
from distilscope.training.targets import tabulate

from . import material

OBJECTIVE = functools.partial(kd.loss, T=material.T, alpha=material.ALPHA)


def trained(
    place: Path,
    student: str,
    precision: str,
    images: int,
    epochs: int,
    signal: Signal,
    **views: Any,
) -> State:
    """Train a student on noise by the study's own loop."""
    recipe = material.recipe(epochs, {**material.VIEWS, **views})
    split = material.noise(images)
    task = Task(
        name=student,
        inputs=Images(
            split, material.nothing(), make_policy(recipe["views"]), material.NORMALISATION
        ),
        plan=BatchPlan(split.indices, recipe, seed=0),
        objective=OBJECTIVE,
        signals=[signal],
        recipe=recipe,
        seed=0,
        precision=precision,
    )
    keeper = Keeper(place, student, precision)
    state, _ = fit(material.network(student), task, keeper)
    keeper.clear()
    return state


def table(place: Path, images: int) -> TargetTable:
    """A table of random logits for all views."""
    folder = material.targets_folder(place / f"targets-{images}", images)
    every = torch.arange(material.ALL_VIEWS, dtype=torch.int16).repeat(images, 1)
    return TargetTable(folder, torch.arange(images), every, torch.device("cpu"))


def second_epoch(
    place: Path, student: str, precision: str, images: int, signal: Signal
) -> Callable[[], float]:
    """Seconds of an epoch once the run is warm: data, views, targets, loss, backward, optimiser."""

    def work() -> float:
        return trained(place, student, precision, images, 2, signal).seconds[-1]

    return work


def online(precision: str) -> OnlineTeacher:
    """The teacher itself in place of its table."""
    return OnlineTeacher(
        material.teacher(), functools.partial(prepared, material.NORMALISATION), precision
    )


def resident_steps(student: str, precision: str, steps: int) -> Callable[[], None]:
    """The limit: forward, backward and optimiser on one resident batch of random tensors."""
    model = material.network(student).train()
    optimiser = Optimiser(model, material.OPTIMIZER)
    images, labels = resident_batch(material.BATCH)

    def work() -> None:
        for _ in range(steps):
            with runtime.autocast(precision, images.device):
                logits = model(images)
            loss = F.cross_entropy(logits.float(), labels)
            optimiser.forget_gradients()
            loss.backward()
            optimiser.step(material.RATE)

    return work


def resident_batch(images: int) -> tuple[Tensor, Tensor]:
    """Normalised pictures, channels last, and their labels."""
    split = material.noise(images)
    return prepared(material.NORMALISATION, split.images), split.labels


def tabulated(place: Path, precision: str, images: int) -> Callable[[], float]:
    """Seconds of tabulating one view of each image, as the `targets` job does it."""
    data = material.dataset_folder(place / f"dataset-{images}", images)
    model = material.model_folder(place / "teacher", material.TEACHER)
    settings = {
        "views": {**material.VIEWS, "tabulated": 1},
        "precision": precision,
        "threads": 1,
    }
    job = material.job(
        "targets", place / f"made-{precision}", settings, dataset=str(data), teacher=str(model)
    )

    def work() -> float:
        tabulate(job)
        return images / store.read_json(job.folder / store.RUN_FILE)["facts"]["images_per_second"]

    return work


def resident_forward(precision: str, images: int) -> Callable[[], None]:
    """The limit of tabulating: the same teacher forward on resident tensors."""
    model = material.teacher()
    batch, _ = resident_batch(images)

    def work() -> None:
        with torch.no_grad(), runtime.autocast(precision, batch.device):
            model(batch)

    return work
