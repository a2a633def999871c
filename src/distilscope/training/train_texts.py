"""The job that makes a language model: trained here, left untrained, or taken from a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from distilscope.data.texts import Texts, load
from distilscope.models import weights
from distilscope.models.build import build
from distilscope.planning.job import Job
from distilscope.training import adapters, runtime
from distilscope.training.batches import BatchPlan
from distilscope.training.evaluate import evaluate
from distilscope.training.loop import Task
from distilscope.training.making import Start, initial, loss_of, make
from distilscope.training.own_texts import OwnTexts
from distilscope.training.pieces import by_pieces
from distilscope.training.signals import Signal, SignalError
from distilscope.training.text_targets import TokenTable
from distilscope.training.texts import AtTargets, Items, online_teacher


def train(job: Job, checkpoints: Path) -> None:
    """Make `weights.safetensors`, `history.parquet` and `run.json` of a language model.

    Settings and inputs are those of `training.train.train`; a recipe has `positions` and `taught`
    (see `training.texts.Items`). Accuracy and NLL of the history are of tokens.

    Raises:
        TrainingError, Interrupted, CheckpointError: see `loop.fit`.
        WeightsError, ModelError: the weights or the network can't be used.
        SignalError: a teacher's logits don't fit the items.
    """
    make(job, checkpoints, begin)


def begin(job: Job) -> Start:
    """The model and what it learns; see `making.Start`."""
    runtime.prepare(job.settings.get("threads", 1), job.device)
    device = torch.device(job.device)
    texts = load(job.input("dataset"), device)
    model, loaded = model_of(job, texts)
    recipe = job.settings.get("recipe")
    finish = adapted(model, job)
    model.to(device)
    learner = AtTargets(model)
    inputs = Items.of(texts, recipe or UNTRAINED)
    precision = job.settings.get("precision", "fp32")
    return Start(
        model=model,
        learner=learner,
        loaded=loaded,
        examples=len(inputs.train),
        unit=inputs.unit,
        task=lambda: task_of(job, texts),
        accuracy=lambda: evaluate(learner, inputs.held_out, inputs.to_model, precision).accuracy,
        doubts=lambda accuracy: [],
        finish=finish,
    )


def adapted(model: nn.Module, job: Job) -> Callable[[], object]:
    """Put the adapters of a job's recipe into a model on the CPU; what is returned merges them.

    Raises:
        ModelError: see `adapters.add`.
    """
    lora = (job.settings.get("recipe") or {}).get("lora")
    return adapters.add(model, lora, job.settings["seed"]) if lora else lambda: None


UNTRAINED = {"positions": "answer", "taught": "gold"}
"""What an untrained model is evaluated on."""


def model_of(job: Job, texts: Texts) -> tuple[nn.Module, weights.Loaded]:
    """The model of a job's settings at the start, on the CPU: built, and initialised or loaded.

    Raises:
        WeightsError, ModelError: the weights or the network can't be used.
    """
    seed = job.settings.get("seed", 0)
    return initial(job, build(job.settings["architecture"], texts.vocabulary, seed=seed))


def task_of(job: Job, texts: Texts) -> Task:
    """What the model of a job's settings learns, from the job's inputs.

    Raises:
        SignalError: a teacher's logits don't fit the items.
    """
    settings, recipe = job.settings, job.settings["recipe"]
    generations = job.input("generations") if "generations" in job.inputs else None
    inputs = Items.of(texts, recipe, generations)
    own = _own(job, texts, inputs)
    return Task(
        name=job.slug,
        inputs=inputs,
        plan=BatchPlan(inputs.train.indices, recipe, settings["seed"]),
        objective=by_pieces(loss_of(settings["objective"], {})),
        signals=_signals(job, texts, inputs),
        recipe=recipe,
        seed=settings["seed"],
        precision=settings["precision"],
        own=own,
    )


def _own(job: Job, texts: Texts, inputs: Items) -> OwnTexts | None:
    """What the objective has the student write; None where all texts are given.

    Raises:
        SignalError: a teacher's logits are a table, which has none of such texts.
    """
    settings = job.settings
    share = settings["objective"].get("own_texts", 0)
    if not share:
        return None
    if job.inputs_of("targets"):
        raise SignalError(
            f"{job.slug}: a table has no logits of what the student writes: `targets: online`"
        )
    return OwnTexts(
        items=inputs,
        share=share,
        seed=settings["seed"],
        precision=settings["precision"],
        most=texts.longest_target,
        end=texts.end,
        pad=texts.pad,
    )


def _signals(job: Job, texts: Texts, inputs: Items) -> list[Signal]:
    precision = job.settings["precision"]
    tables = [TokenTable(folder, inputs, precision) for folder in job.inputs_of("targets")]
    online = [
        online_teacher(folder, texts, precision, inputs.device)
        for folder in job.inputs_of("teachers")
    ]
    return [*tables, *online]
