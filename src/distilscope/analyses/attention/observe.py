"""Where a model attends, whatever the class, and what it says of each set of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from distilscope import store
from distilscope.analyses.attention.plan import SPLITS
from distilscope.data.drawn import Drawn
from distilscope.models.halving import Halving
from distilscope.observing import layer_maps
from distilscope.observing.capture import Tap, watching
from distilscope.observing.methods import gradcam
from distilscope.planning.job import Job
from distilscope.workflow import progress

if TYPE_CHECKING:
    from distilscope.observing.observe import Observer

BATCH = 128


def class_agnostic(activations: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Maps (B, h, w): the head as a 1x1 convolution, with its bias, summed over all classes.

    Args:
        activations: (B, K, h, w) of the last block. weight: (C, K). bias: (C,) or None.
    """
    found = torch.einsum("k,bkhw->bhw", weight.sum(dim=0), activations)
    return found if bias is None else found + bias.sum()


def observer(job: Job) -> Callable[[Observer], dict[str, Any]]:
    """What writes `attention/<set>.safetensors` of each set of images: training and test images as
    they are, and one draw of each under the policies of `analyses.attention.views`.

    `index`, `label` int64 (N,), `logits` float32 (N, C); and of a network with average pooling and
    a linear head `attention` and `gradcam` float32 (N, h, w), of the last block at its own grid:
    GradCAM is of the label's logit, so that two models explain the same class. Rows are by rising
    dataset index.
    """
    names = list(job.settings["attention"])
    folders = dict(zip(names, job.inputs_of("attention_views"), strict=True))
    return lambda run: {"attention": dict(_observe(run, folders))}


def _observe(run: Observer, folders: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for split in SPLITS:
        yield split, _one(run, split, split, None)
    for name, folder in folders.items():
        split = name.rpartition("-")[2]
        yield name, _one(run, name, split, Drawn(folder, run.dataset.split(split)))


def _one(run: Observer, name: str, split: str, drawn: Drawn | None) -> float:
    """Write one file; the share of images that the model gets right."""
    part, head = run.dataset.split(split), _head(run)
    order = torch.argsort(part.indices)
    path = run.request.layers[run.request.explained[0]] if head else None
    taps = {"last": Tap(path, whole=True)} if head else {}
    found: dict[str, list[np.ndarray]] = {}
    what = f"attention: {name}"
    run.stopwatch.phase(what)
    progress.stage(what, len(order))
    halving = Halving("model")
    with watching(run.model, taps) as watch:

        def take(rows: Tensor) -> dict[str, np.ndarray]:
            first = torch.zeros_like(rows)
            shown = part.images[rows] if drawn is None else drawn.shown(rows, first)
            seen = watch(run.prepare(shown))
            if not head:
                return {"logits": _array(seen.logits)}
            activations = seen.outputs["last"].detach()
            if not found:
                layer_maps.check_head(seen, "last", head, run.request.head)
            maps = class_agnostic(activations, head.weight, head.bias)
            own = gradcam.closed_form(activations, head.weight[part.labels[rows]])
            kept = {"logits": seen.logits, "attention": maps, "gradcam": own}
            return {key: _array(tensor) for key, tensor in kept.items()}

        for batch in order.split(BATCH):
            for made in halving.run(len(batch), lambda rows, some=batch: take(some[rows])):
                for key, values in made.items():
                    found.setdefault(key, []).append(values)
            progress.advance(len(batch))
    run.notes += [f"{what}: {note}" for note in halving.notes(run.dataset.unit)]
    run.stopwatch.phase("write")
    arrays = {key: np.concatenate(parts) for key, parts in found.items()}
    arrays |= {
        "index": part.indices[order].cpu().numpy(),
        "label": part.labels[order].cpu().numpy(),
    }
    store.write_tensors(run.job.folder / "attention" / f"{name}.safetensors", arrays)
    return float((arrays["logits"].argmax(axis=1) == arrays["label"]).mean())


def _head(run: Observer) -> nn.Linear | None:
    """The linear layer behind average pooling over the last block; None where there is none."""
    if not run.request.head or not run.request.explained:
        return None
    found = run.model.get_submodule(run.request.head)
    return found if isinstance(found, nn.Linear) else None


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().float().cpu().numpy()
