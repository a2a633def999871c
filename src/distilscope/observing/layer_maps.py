"""Maps at layers: every method that explains layers, from one pass forward.

Images are independent in evaluation mode, so that one backward pass over the sum of the chosen
logits gives every image's gradient. Where a linear head follows global average pooling over a
layer, a method may have a closed form that needs no backward pass.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn

from distilscope.catalog import METHODS
from distilscope.observing.capture import Captured
from distilscope.observing.classes import ABSENT

HEAD_TOLERANCE = 1e-3


@dataclass(frozen=True)
class LayerMaps:
    """Maps of one method, layer and class rank, of images `rows` (M,) for their `classes` (M,).

    `maps` is (M, h, w) float32 on the model's device, signed, at the layer's own grid.
    """

    method: str
    layer: str
    rank: int
    rows: np.ndarray
    classes: np.ndarray
    maps: Tensor


def modules(methods: Sequence[str]) -> dict[str, ModuleType]:
    """Method -> the module of its code."""
    return {name: importlib.import_module(METHODS[name].module) for name in methods}


def all_closed(methods: Sequence[str]) -> bool:
    """Whether every method has a closed form, so that a layer with a head needs no gradient."""
    return all(hasattr(module, "closed_form") for module in modules(methods).values())


def attribute(
    seen: Captured,
    classes: np.ndarray,
    methods: Mapping[str, ModuleType],
    heads: Mapping[str, Tensor] | None = None,
) -> Iterator[LayerMaps]:
    """The maps of every method at every layer whose output a forward pass kept.

    Each rank's backward pass sums the logits of those images only that have a class of this rank.

    Args:
        seen: the pass; outputs of layers must be differentiable, but for those in `heads` where
            every method has a closed form.
        classes: (N, K) by rank, `ABSENT` where an image has fewer (`classes.distinct`).
        heads: layer -> weight (classes, C) of the linear head behind its average pooling.
    """
    heads = heads or {}
    closed = {name for name, module in methods.items() if hasattr(module, "closed_form")}
    kept = {} if closed == set(methods) else heads
    traced = {n: output for n, output in seen.outputs.items() if n not in heads or n in kept}
    ranks = int((classes != ABSENT).any(axis=0).sum())
    for rank in range(ranks):
        rows = np.flatnonzero(classes[:, rank] != ABSENT)
        wanted = classes[rows, rank]
        index = torch.from_numpy(rows).to(seen.logits.device)
        target = torch.from_numpy(wanted).to(seen.logits.device)
        for layer, weight in heads.items():
            for name in sorted(closed):
                activations = seen.outputs[layer].detach()[index]
                maps = methods[name].closed_form(activations, weight[target])
                yield LayerMaps(name, layer, rank, rows, wanted, maps)
        if traced:
            score = seen.logits[index, target].sum()
            last = rank == ranks - 1
            gradients = torch.autograd.grad(score, list(traced.values()), retain_graph=not last)
            for (layer, output), gradient in zip(traced.items(), gradients, strict=True):
                for name in methods if layer not in heads else set(methods) - closed:
                    maps = methods[name].from_gradient(output.detach()[index], gradient[index])
                    yield LayerMaps(name, layer, rank, rows, wanted, maps)


def check_head(seen: Captured, layer: str, head: nn.Module, path: str) -> None:
    """Refuse a head that isn't a linear layer behind global average pooling over `layer`.

    Raises:
        ValueError: it isn't linear, doesn't fit the layer's channels, or the logits that follow
            from it are not the model's.
    """
    advice = "declare `head: null` to have GradCAM from the gradient"
    if not isinstance(head, nn.Linear):
        raise ValueError(f"head {path!r} is a {type(head).__name__}, not a linear layer; {advice}")
    pooled = seen.outputs[layer].mean(dim=(2, 3))
    fits = (head.out_features, head.in_features) == (seen.logits.shape[1], pooled.shape[1])
    if fits:
        logits = nn.functional.linear(pooled, head.weight, head.bias)
        scale = seen.logits.abs().max().clamp_min(1e-30)
        fits = bool((logits - seen.logits).abs().max() <= HEAD_TOLERANCE * scale)
    if not fits:
        raise ValueError(
            f"head {path!r} over the average-pooled layer {layer!r} doesn't give the model's "
            f"logits, so that the closed form doesn't hold; {advice}"
        )
