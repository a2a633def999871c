"""The job that makes a model: trained here, left untrained, or taken from a file."""

from __future__ import annotations

import logging
import math
import pkgutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from distilscope import store
from distilscope.data.dataset import Dataset, load
from distilscope.models import weights
from distilscope.models.build import build
from distilscope.models.memory_format import place
from distilscope.planning.job import Job
from distilscope.store import contents
from distilscope.training import images, runtime
from distilscope.training.batches import BatchPlan
from distilscope.training.checkpoint import Keeper, State
from distilscope.training.evaluate import evaluate
from distilscope.training.loop import HISTORY, Task, TrainingError, fit
from distilscope.training.signals import (
    Loss,
    Signal,
    TargetTable,
    combined,
)
from distilscope.workflow.provenance import Stopwatch, write_run

NAMED = 5
"""Classes that a message names."""

log = logging.getLogger("distilscope")


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
    stopwatch = Stopwatch()
    stopwatch.phase("load")
    settings, device = job.settings, torch.device(job.device)
    precision = settings.get("precision", "fp32")
    runtime.prepare(settings.get("threads", 1), job.device)
    dataset = load(job.input("dataset"), device)
    model, loaded = begin(job, dataset)
    place(model, device)
    confirm = job.watch.confirm if job.watch else None
    keeper = Keeper(checkpoints, job.slug, job.identity, confirm=confirm)
    stopwatch.phase("train")
    state, resumed = State(torch.zeros(3)), None
    if settings.get("recipe"):
        state, resumed = fit(model, task_of(job, dataset), keeper)
    if state.history:
        accuracy = state.history[-1][HISTORY.index("held_out_accuracy")]
    else:
        held_out = images.batches(dataset.split("held-out"))
        to_model = partial(images.prepared, dataset.preprocessing(settings.get("preprocessing")))
        accuracy = evaluate(model, held_out, to_model, precision).accuracy
    notes = _doubts(job, dataset, accuracy)
    for note in notes:
        log.warning("%s", note)
    stopwatch.phase("write")
    _check_finite(job, model)
    weights.save(model, job.folder / "weights.safetensors")
    store.write_table(job.folder / "history.parquet", history_table(state))
    facts = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "replaced": list(loaded.replaced),
        "unwrapped": list(loaded.unwrapped),
        "left_out": list(loaded.left),
        **({"masked": list(loaded.masked)} if loaded.masked else {}),
        "held_out_accuracy": _number(accuracy),
        "notes": notes,
        "resumed_from": resumed,
        "device": job.device,
        **_speed(job, dataset, state),
    }
    write_run(job, stopwatch, facts)
    keeper.clear()


def begin(job: Job, dataset: Dataset) -> tuple[nn.Module, weights.Loaded]:
    """The model of a job's settings at the start, on the CPU: built, and initialised or loaded.

    Raises:
        WeightsError, ModelError: the weights or the network can't be used.
    """
    settings, seed = job.settings, job.settings.get("seed", 0)
    model = build(settings["architecture"], len(dataset.classes), dataset.channels, seed)
    if settings.get("kind") == "given":
        file = _file(job, "weights_file", settings.get("weights"))
        loaded = weights.load_into(model, file) if file else weights.Loaded()
    else:
        file = _file(job, "init_file", settings["init"].get("digest"))
        loaded = weights.initialise(model, settings["init"], file)
    for name in loaded.replaced:
        log.info("%s: %s does not fit its initial weights and starts at random", job.slug, name)
    for sentence in loaded.words:
        log.info("%s: %s", job.slug, sentence)
    if loaded.left:
        log.warning("%s: of %s was not taken: %s", job.slug, file, ", ".join(loaded.left))
    return model, loaded


def _file(job: Job, key: str, digest: str | None) -> Path | None:
    """A weights file of the user's, which must be the one that the plan was made for."""
    if key not in job.information:
        return None
    file = Path(job.information[key])
    if digest is not None and file.is_file() and store.digest_file(file) != digest:
        contents.forget()
        raise weights.WeightsError(
            f"{job.slug}: {file} has changed since the plan was made; run again to use it"
        )
    return file


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
        objective=_objective(settings["objective"], _prepared(job)),
        signals=_signals(job, dataset, plan),
        recipe=recipe,
        seed=settings["seed"],
        precision=settings["precision"],
    )


def _objective(objective: dict[str, Any], prepared: dict[str, torch.Tensor]) -> Loss:
    given = {**objective["parameters"], **prepared}
    loss = partial(pkgutil.resolve_name(objective["loss"]), **given)
    return combined(loss, objective["combine"]) if "combine" in objective else loss


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


# ------------------------------------------------------------------------------------ results


def history_table(state: State) -> pd.DataFrame:
    """A row an epoch: `epoch` (from 1) and the columns of `loop.HISTORY`; empty if untrained."""
    rows = np.array(state.history, dtype=np.float64).reshape(len(state.history), len(HISTORY))
    table = pd.DataFrame(rows, columns=list(HISTORY))
    table.insert(0, "epoch", np.arange(1, len(rows) + 1, dtype=np.int64))
    return table


def _check_finite(job: Job, model: nn.Module) -> None:
    bad = [n for n, t in model.state_dict().items() if not torch.isfinite(t).all()]
    if bad:
        raise TrainingError(
            f"{job.slug}: {bad[0]} has values that are not finite at the end of training; "
            "lower the recipe's `optimizer.lr`"
        )


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


def _speed(job: Job, dataset: Dataset, state: State) -> dict[str, Any]:
    if not state.seconds:
        return {"seconds_per_epoch": [], "images_per_second": None}
    shown = len(dataset.split("train")) * len(state.seconds)
    return {
        "seconds_per_epoch": [round(seconds, 3) for seconds in state.seconds],
        "images_per_second": round(shown / sum(state.seconds), 1),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
