"""What every job that makes a model does, whatever its examples are: begin, train, write."""

from __future__ import annotations

import logging
import math
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from distilscope import store
from distilscope.data.declaration import LISTED_IN
from distilscope.models import weights
from distilscope.planning.job import Job
from distilscope.store import contents
from distilscope.training.checkpoint import Keeper, State
from distilscope.training.loop import HISTORY, Task, TrainingError, fit
from distilscope.training.signals import Loss, combined
from distilscope.workflow.provenance import Stopwatch, write_run

log = logging.getLogger("distilscope")


@dataclass(frozen=True, eq=False)
class Start:
    """A model before it is trained, and what is asked of its modality.

    Attributes:
        model: on the job's device; its weights are what is made.
        learner: the same as the training loop calls it: examples to logits, one row a label.
        loaded: what was done to make a file's tensors fit.
        task: makes what it learns, from the job's inputs.
        accuracy: on held-out examples, NaN without any; of a model that is not trained here.
        doubts: notes on a held-out accuracy.
        examples: how many there are to train on. unit: what they are called.
        finish: makes of the model that was trained the one that is saved, in place.
    """

    model: nn.Module
    learner: nn.Module
    loaded: weights.Loaded
    task: Callable[[], Task]
    accuracy: Callable[[], float]
    doubts: Callable[[float], list[str]]
    examples: int
    unit: str
    finish: Callable[[], object] = lambda: None


def make(job: Job, checkpoints: Path, begin: Callable[[Job], Start]) -> None:
    """Make `weights.safetensors`, `history.parquet` and `run.json` of a model.

    Args:
        job: what to make.
        checkpoints: a folder that outlives the job; the model's are in a folder of their own in it.
        begin: what its modality does.

    Raises:
        TrainingError, Interrupted, CheckpointError: see `loop.fit`; and what `begin` raises.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("load")
    start = begin(job)
    model = start.model
    confirm = job.watch.confirm if job.watch else None
    keeper = Keeper(checkpoints, job.slug, job.identity, confirm=confirm)
    stopwatch.phase("train")
    state, resumed, trained = State(torch.zeros(4)), None, 0
    if job.settings.get("recipe"):
        trained = sum(each.numel() for each in model.parameters() if each.requires_grad)
        state, resumed = fit(start.learner, start.task(), keeper)
        start.finish()
    if state.history:
        accuracy = state.history[-1][HISTORY.index("held_out_accuracy")]
    else:
        accuracy = start.accuracy()
    notes = start.doubts(accuracy)
    for note in notes:
        log.warning("%s", note)
    stopwatch.phase("write")
    _check_finite(job, model)
    weights.save(model, job.folder / "weights.safetensors")
    store.write_table(job.folder / "history.parquet", history_table(state))
    loaded = start.loaded
    facts = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "trained_parameters": trained,
        "replaced": list(loaded.replaced),
        "unwrapped": list(loaded.unwrapped),
        "left_out": list(loaded.left),
        **({"masked": list(loaded.masked)} if loaded.masked else {}),
        "held_out_accuracy": _number(accuracy),
        "notes": notes,
        "resumed_from": resumed,
        "device": job.device,
        **_speed(start, state),
    }
    write_run(job, stopwatch, facts)
    keeper.clear()


def initial(job: Job, model: nn.Module) -> tuple[nn.Module, weights.Loaded]:
    """A network as it was built, with the weights that it begins with.

    Raises:
        WeightsError: they can't be used.
    """
    if job.settings.get("kind") == "given":
        file = _file(job, "weights_file", job.settings.get("weights"))
        loaded = weights.load_into(model, file) if file else weights.Loaded()
    else:
        file = _file(job, "init_file", job.settings["init"].get("digest"))
        loaded = weights.initialise(model, job.settings["init"], file)
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
    if digest is not None and file.exists() and _digest(file) != digest:
        contents.forget()
        raise weights.WeightsError(
            f"{job.slug}: {file} has changed since the plan was made; run again to use it"
        )
    return file


def _digest(file: Path) -> str:
    """Of a file anew; of a folder of weights, whose files are large, as it is remembered."""
    if file.is_file():
        return store.digest_file(file)
    return contents.digest_path(file, files=f"{LISTED_IN}:of_language_model")


def loss_of(objective: Mapping[str, Any], prepared: Mapping[str, torch.Tensor]) -> Loss:
    """The loss that an objective's settings name, with a committee's teachers combined.

    Args:
        prepared: what the objective made of a teacher's table, by arguments of the loss.
    """
    given = {**objective["parameters"], **prepared}
    loss = partial(pkgutil.resolve_name(objective["loss"]), **given)
    return combined(loss, objective["combine"]) if "combine" in objective else loss


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


def _speed(start: Start, state: State) -> dict[str, Any]:
    speed = f"{start.unit}_per_second"
    if not state.seconds:
        return {"seconds_per_epoch": [], speed: None}
    shown = start.examples * len(state.seconds)
    return {
        "seconds_per_epoch": [round(seconds, 3) for seconds in state.seconds],
        speed: round(shown / sum(state.seconds), 1),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
