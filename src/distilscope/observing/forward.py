"""The one pass over a probe: logits, pooled features, Grams and maps at layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from distilscope.observing import classes, grams, layer_maps
from distilscope.observing.capture import Seen, Tap, watching
from distilscope.observing.maptable import MapTable
from distilscope.observing.probe import Probe
from distilscope.observing.request import Request
from distilscope.workflow import progress

Prepare = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Passed:
    """What a pass over a probe of N examples gave; rows in index order.

    Attributes:
        logits: (N, classes) float32.
        features: layer -> (N, C) float32, global average pooling.
        grams: `<layer>.<reduction>` -> (batches, b, b) float32.
        gram_indices: (batches, b) int64, the dataset indices of each Gram's rows.
        maps: method -> its maps at layers; none where they weren't asked for.
    """

    logits: np.ndarray
    features: dict[str, np.ndarray]
    grams: dict[str, np.ndarray]
    gram_indices: np.ndarray
    maps: dict[str, MapTable]

    @property
    def predictions(self) -> np.ndarray:
        """(N,) int64, the class with the largest logit."""
        return self.logits.argmax(axis=1)


def forward(
    model: nn.Module, probe: Probe, contents: Sequence[str], request: Request, prepare: Prepare
) -> Passed:
    """Run the model once over the probe.

    A Gram is of one batch, so batches are those of `grams.partition`: the same examples together,
    in the same order, whatever the model.

    Args:
        contents: `features` adds features and Grams, `saliency` the maps of the methods that
            explain layers.
        prepare: examples -> what the model takes, on the model's device.

    Raises:
        ValueError: logits that aren't finite, or a layer or head that can't be observed.
    """
    featured = "features" in contents
    methods = request.methods_at("layers") if "saliency" in contents else ()
    explaining = bool(methods)
    collected = _Collected(methods)
    with watching(model, _taps(request, featured, explaining)) as watch:
        heads = {}
        for positions in grams.partition(len(probe), request.gram_batch):
            seen = watch(prepare(probe.examples(positions)))
            _check_finite(seen.logits, probe, positions)
            if explaining and request.head and not heads:
                heads = _heads(model, seen, request)
            collected.take(seen, positions, probe, heads, request)
            progress.advance(len(positions))
    return collected.in_index_order(probe, request)


def _taps(request: Request, featured: bool, explaining: bool) -> dict[str, Tap]:
    summaries = {}
    if featured:
        summaries["gap"] = grams.gap
        if "flatten" in request.reductions:
            summaries["flatten"] = grams.centred_gram
    taps = {}
    for name, path in request.layers.items():
        whole = explaining and name in request.explained
        if whole or summaries:
            gradient = whole and name != request.closed()
            taps[name] = Tap(path, summaries, whole=whole, gradient=gradient)
    return taps


def _heads(model: nn.Module, seen: Seen, request: Request) -> dict[str, Tensor]:
    layer = request.explained[0]
    try:
        head = model.get_submodule(request.head)
    except AttributeError:
        raise ValueError(f"head: {type(model).__name__} has no module {request.head!r}") from None
    layer_maps.check_head(seen, layer, head, request.head)
    return {layer: head.weight}


def _check_finite(logits: Tensor, probe: Probe, positions: np.ndarray) -> None:
    finite = torch.isfinite(logits).all(dim=1).cpu().numpy()
    if not finite.all():
        raise ValueError(
            f"probe {probe.name!r}: {(~finite).sum()} {probe.unit} have logits that are not "
            f"finite, the first is index {probe.indices[positions[~finite][0]]}; the weights are "
            "damaged or the preprocessing is not the model's"
        )


class _Collected:
    """The batches of a pass, on the CPU."""

    def __init__(self, methods: Sequence[str]) -> None:
        self.maps = {name: MapTable() for name in methods}
        self._methods = layer_maps.modules(methods)
        self._positions: list[np.ndarray] = []
        self._logits: list[np.ndarray] = []
        self._features: dict[str, list[np.ndarray]] = {}
        self._grams: dict[str, list[np.ndarray]] = {}
        self._gram_positions: list[np.ndarray] = []

    def take(
        self,
        seen: Seen,
        positions: np.ndarray,
        probe: Probe,
        heads: dict[str, Tensor],
        request: Request,
    ) -> None:
        """Keep what is written of one batch."""
        logits = _array(seen.logits)
        self._positions.append(positions)
        self._logits.append(logits)
        whole = len(positions) == request.gram_batch
        if whole:
            self._gram_positions.append(positions)
        for layer, summaries in seen.summaries.items():
            if "gap" in summaries:
                self._features.setdefault(layer, []).append(_array(summaries["gap"]))
                self._take_grams(layer, summaries, request.reductions, whole)
        if self.maps:
            self._take_maps(seen, logits.argmax(axis=1), positions, probe, heads)

    def _take_grams(
        self, layer: str, summaries: dict[str, Tensor], reductions: Sequence[str], whole: bool
    ) -> None:
        for reduction in reductions:
            found = self._grams.setdefault(f"{layer}.{reduction}", [])
            if whole:
                pooled = reduction == "gap"
                gram = grams.centred_gram(summaries["gap"]) if pooled else summaries[reduction]
                found.append(_array(gram))

    def _take_maps(
        self,
        seen: Seen,
        own: np.ndarray,
        positions: np.ndarray,
        probe: Probe,
        heads: dict[str, Tensor],
    ) -> None:
        wanted = classes.of_layers(probe.labels[positions], own, probe.references[positions])
        for found in layer_maps.attribute(seen, wanted, self._methods, heads):
            self.maps[found.method].add(
                found.layer,
                indices=probe.indices[positions[found.rows]],
                ranks=np.full(len(found.rows), found.rank),
                classes=found.classes,
                maps=_array(found.maps),
            )

    def in_index_order(self, probe: Probe, request: Request) -> Passed:
        """Everything that was kept, sorted."""
        back = np.argsort(np.concatenate(self._positions))
        batch = request.gram_batch
        gram_positions = np.array(self._gram_positions, dtype=np.int64).reshape(-1, batch)
        shape = (-1, batch, batch)
        return Passed(
            logits=np.concatenate(self._logits)[back],
            features={k: np.concatenate(v)[back] for k, v in self._features.items()},
            grams={k: np.array(v, dtype=np.float32).reshape(shape) for k, v in self._grams.items()},
            gram_indices=probe.indices[gram_positions],
            maps=self.maps,
        )


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()
