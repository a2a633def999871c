"""What a model says of images that lack one of their parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from distilscope import store
from distilscope.data.part_maps import REMOVED_FILE
from distilscope.data.removal import Removed
from distilscope.models.halving import Halving
from distilscope.observing.forward import Prepare
from distilscope.planning.job import Job
from distilscope.workflow import progress

if TYPE_CHECKING:
    from distilscope.observing.observe import Observer

BATCH = 256


def observer(job: Job) -> Callable[[Observer], dict[str, Any]]:
    """What shows a model the images of a probe without each of their parts.

    Settings of the job: `removal`, the probe. Inputs: `parts`.
    """
    probe, removed = job.settings["removal"], Removed.load(job.input("parts") / REMOVED_FILE)
    path = job.folder / probe / REMOVED_FILE

    def observe(run: Observer) -> dict[str, Any]:
        run.stopwatch.phase(f"{probe}: removal")
        halving = Halving("model")
        found = observe_removal(run.model, removed, run.prepare, job.device, path, halving)
        run.notes += [f"{probe}: {note}" for note in halving.notes("images without a part")]
        return {"removal": found}

    return observe


def observe_removal(
    model: nn.Module,
    removed: Removed,
    prepare: Prepare,
    device: str,
    path: Path,
    halving: Halving,
) -> dict[str, int]:
    """Write the logits of every picture without a part, and return how many there are.

    Args:
        model: in evaluation mode, on the device.
        removed: the pictures. prepare: normalises a batch.
        path: `logits` float32 (K, C), `indices` and `parts` int64 (K,), as `removal.Removed`.

    Raises:
        ValueError: a logit is not finite.
    """
    pixels = torch.from_numpy(removed.pixels)
    found = []
    stage = progress.stage("images without a part", len(pixels))
    with torch.inference_mode():
        for batch in pixels.split(BATCH):

            def take(rows: slice, batch: Tensor = batch) -> np.ndarray:
                return model(prepare(batch[rows].to(device))).float().cpu().numpy()

            found += halving.run(len(batch), take)
            stage.advance(len(batch))
    logits = np.concatenate(found)
    if not np.isfinite(logits).all():
        bad = int(np.flatnonzero(~np.isfinite(logits).all(axis=1))[0])
        raise ValueError(
            f"image {removed.indices[bad]} without part {removed.parts[bad]}: a logit is not "
            "finite; logits must be numbers"
        )
    store.write_tensors(
        path, {"logits": logits, "indices": removed.indices, "parts": removed.parts}
    )
    return {"pictures": len(logits)}
