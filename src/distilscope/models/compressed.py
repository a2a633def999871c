"""A model that is compressed without training: pruned, quantised, of lower rank or precision."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import Tensor

from distilscope.data.dataset import Dataset, load, stratified_subset
from distilscope.models import sources
from distilscope.planning.job import Job
from distilscope.workflow.provenance import Stopwatch, write_run

CALIBRATING = 256
"""Held-out images that ranges of activations are taken from, at most."""


class CompressionError(ValueError):
    """A model that can't be compressed in this way."""


def make(job: Job) -> None:
    """Make `weights.safetensors` and `run.json` of a compressed model.

    Inputs: `dataset`, and `original`, the folder of the model. Settings: `architecture`,
    `preprocessing`, and `compression` with `module` (its code), `value` and `calibrated` (whether
    held-out images are needed).

    Raises:
        CompressionError: there are no held-out images, or nothing in the model to compress.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("load")
    settings = job.settings
    torch.set_num_threads(settings.get("threads", 1))
    dataset = load(job.input("dataset"))
    model = sources.load(job.input("original"), len(dataset.classes))
    asked = settings["compression"]
    stopwatch.phase("compress")
    if asked["calibrated"]:
        images = _held_out(dataset, settings, job.slug)
    else:
        images = dataset.blank(1, settings["preprocessing"])
    code = importlib.import_module(asked["module"])
    try:
        model, facts = code.compress(model, asked["value"], images)
    except ValueError as error:
        raise CompressionError(f"{job.slug}: {error}") from None
    stopwatch.phase("write")
    code.save(model, job.folder / "weights.safetensors")
    parameters = sum(parameter.numel() for parameter in model.parameters())
    write_run(job, stopwatch, {"parameters": parameters, **facts})


def _held_out(dataset: Dataset, settings: Any, slug: str) -> Tensor:
    """(N, C, H, W): held-out images, equally from the classes, as the model takes them.

    Raises:
        CompressionError: there are none.
    """
    split = dataset.splits.get("held-out")
    if split is None or not len(split):
        raise CompressionError(
            f"{slug}: ranges of activations are taken from held-out images, and the data have "
            "none; give `data.held_out`, or quantise with `int8-dynamic`"
        )
    count = min(CALIBRATING, len(split))
    # Pictures without a label, -1, are of one class here.
    chosen = stratified_subset(split.labels.clamp(min=0), split.indices, count, seed=0)
    return dataset.preprocessing(settings["preprocessing"])(split.images[chosen])
