"""One job: how far the layers of a compressed model are from those of the model it is made of.

What a layer puts out is a signal x in the original and x + e in the compressed model. The ratio of
their powers, summed over places and channels, is the signal-to-noise ratio of quantisation
(`torch.ao.ns.fx.utils.compute_sqnr`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from distilscope import store
from distilscope.data.dataset import load
from distilscope.models import sources
from distilscope.models.halving import Halving
from distilscope.models.memory_format import place
from distilscope.observing.capture import Tap, watching
from distilscope.observing.numerics import exact
from distilscope.planning.job import Job
from distilscope.workflow.provenance import Stopwatch, write_run

BATCH = 32
"""Images whose layers are in memory at once, of both models."""


def measure(job: Job) -> None:
    """Make `noise.parquet` and `run.json`: a row for each test image and layer.

    Columns: `index`, `layer`, `signal` and `noise`, the sums of squares of x and of e.
    Inputs: `dataset`, `original`, `compressed`. Settings: `layers` (name -> module path),
    `layer_order`, `preprocessing`, `threads`.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("measure")
    settings = job.settings
    dataset = load(job.input("dataset"), job.device)
    prepare = dataset.preprocessing(settings["preprocessing"])
    split = dataset.split("test")
    with exact(settings["threads"]):
        models = [
            place(sources.load(job.input(role), len(dataset.classes)), job.device)
            for role in ("original", "compressed")
        ]
        layers = {name: settings["layers"][name] for name in settings["layer_order"]}
        halving = Halving("original and the compressed model")
        batches = (split.images[i : i + BATCH] for i in range(0, len(split), BATCH))
        found = list(powers(*models, layers, batches, prepare, halving))
    table = pd.concat(
        pd.DataFrame(
            {
                "index": split.indices.cpu().numpy(),
                "layer": layer,
                "signal": np.concatenate([batch[layer][0] for batch in found]),
                "noise": np.concatenate([batch[layer][1] for batch in found]),
            }
        ).sort_values("index")
        for layer in layers
    )
    stopwatch.phase("write")
    store.write_table(job.folder / "noise.parquet", table.reset_index(drop=True))
    facts: dict[str, Any] = {"images": len(split)}
    if notes := halving.notes(dataset.unit):
        facts["notes"] = [f"{job.slug}: {note}" for note in notes]
    write_run(job, stopwatch, facts)


def powers(
    original: nn.Module,
    compressed: nn.Module,
    layers: Mapping[str, str],
    batches: Iterable[Tensor],
    prepare: Callable[[Tensor], Tensor],
    halving: Halving,
) -> Iterator[dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Of each batch, or part of one that does not fit in memory: layer -> (signal, noise), (B,)
    float64 each.

    Args:
        batches: of images as they are kept. prepare: them, as the models take them.

    Raises:
        MemoryError: one image alone does not fit.
    """
    taps = {name: Tap(path, {"whole": torch.clone}) for name, path in layers.items()}
    with watching(original, taps) as see, watching(compressed, taps) as see_compressed:

        def take(batch: Tensor, rows: slice) -> dict[str, tuple[np.ndarray, np.ndarray]]:
            inputs = prepare(batch[rows])
            own, other = see(inputs).summaries, see_compressed(inputs).summaries
            return {
                name: (_power(own[name]["whole"]), _power(other[name]["whole"], own[name]["whole"]))
                for name in layers
            }

        for batch in batches:
            yield from halving.run(len(batch), partial(take, batch))


def _power(values: Tensor, less: Tensor | None = None) -> np.ndarray:
    """(B,) sums of squares of values, or of their differences from others."""
    found = values.double() if less is None else values.double() - less.double()
    return found.flatten(1).square().sum(dim=1).cpu().numpy()
