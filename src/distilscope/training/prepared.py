"""What an objective makes of a teacher's table, once for all students that learn from it."""

from __future__ import annotations

import pkgutil

import numpy as np

from distilscope import store
from distilscope.data.dataset import load
from distilscope.planning.job import Job
from distilscope.training import runtime
from distilscope.training.signals import SignalError
from distilscope.workflow.provenance import Stopwatch, write_run

FILE = "prepared.safetensors"


def prepare(job: Job) -> None:
    """Make `prepared.safetensors`, the named tensors of an objective's `prepare`, and `run.json`.

    Settings: `prepare`, a dotted path, and its `parameters`; `threads`. Inputs: `dataset`, and
    `targets`, the table of the one teacher.

    Raises:
        SignalError: the table is of other images than the dataset's.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("load")
    settings, table = job.settings, job.input("targets")
    runtime.prepare(settings["threads"], job.device)
    split = load(job.input("dataset")).split("train")
    if not np.array_equal(store.open_array(table / "indices.npy"), split.indices.numpy()):
        raise SignalError(f"{table} holds the teacher's logits of other data: rebuild it")
    stopwatch.phase("compute")
    make = pkgutil.resolve_name(settings["prepare"])
    logits = store.open_array(table / "logits.npy")
    made = make(logits, split.labels, **settings["parameters"])
    stopwatch.phase("write")
    store.write_tensors(job.folder / FILE, {name: found.numpy() for name, found in made.items()})
    write_run(job, stopwatch, {"shapes": {name: list(found.shape) for name, found in made.items()}})
