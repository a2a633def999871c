"""The one pass over a probe: logits, pooled features, Grams and maps at layers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from distilscope.models.halving import Halving
from distilscope.observing import classes, grams, layer_maps
from distilscope.observing.capture import Captured, Tap, Watcher, watching
from distilscope.observing.maptable import MapTable
from distilscope.observing.probe import Probe
from distilscope.observing.request import Request
from distilscope.observing.rows import Rows
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
        indices: (N,) int64, dataset indices.
        most: examples that fit in memory together, where a batch had to be halved.
    """

    logits: np.ndarray
    features: dict[str, np.ndarray]
    grams: dict[str, np.ndarray]
    gram_indices: np.ndarray
    maps: dict[str, MapTable]
    indices: np.ndarray
    most: int | None = None

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
    halving = Halving("model")
    with passing(model, contents, request, f"probe {probe.name!r}", probe.unit) as one:
        for positions in grams.partition(len(probe), request.gram_batch):
            halving.run(len(positions), partial(_take, one, probe, positions, prepare))
            progress.advance(len(positions))
    passed = one.in_index_order()
    return passed if halving.most is None else _of_parts(passed, halving.most, request)


def _take(one: Pass, probe: Probe, positions: np.ndarray, prepare: Prepare, rows: slice) -> None:
    some = positions[rows]
    one.take(prepare(probe.examples(some)), Batch.of(probe, some))


def _of_parts(passed: Passed, most: int, request: Request) -> Passed:
    """A pass of which batches were halved: Grams are made of the pooled features afterwards.

    Raises:
        MemoryError: of whole outputs they can't be.
    """
    if "flatten" in request.reductions and passed.features:
        raise MemoryError(
            f"a batch of `observe.gram_batch` ({request.gram_batch}) images does not fit in memory "
            f"and Grams of whole outputs (`flatten`) need all of it: set it to {most}"
        )
    found = {
        layer: grams.of_features(values, request.gram_batch)
        for layer, values in passed.features.items()
    }
    places = next((positions for positions, _ in found.values()), None)
    return replace(
        passed,
        grams={f"{layer}.gap": made for layer, (_, made) in found.items()},
        gram_indices=passed.gram_indices if places is None else passed.indices[places],
        most=most,
    )


@dataclass(frozen=True)
class Batch:
    """Examples that go through a model together.

    Attributes:
        indices, labels: (B,) int64. references: (B, R) int64, the prediction of each reference.
    """

    indices: np.ndarray
    labels: np.ndarray
    references: np.ndarray

    @classmethod
    def of(cls, probe: Probe, positions: np.ndarray) -> Batch:
        """The examples of a probe at these positions (B,)."""
        return cls(probe.indices[positions], probe.labels[positions], probe.references[positions])


@contextlib.contextmanager
def passing(
    model: nn.Module, contents: Sequence[str], request: Request, where: str, unit: str
) -> Iterator[Pass]:
    """A pass that takes batches one by one; the model is frozen while the block lasts.

    Args:
        contents: as of `forward`. where, unit: what is observed and its examples, for errors.
    """
    featured = "features" in contents
    methods = request.methods_at("layers") if "saliency" in contents else ()
    with watching(model, _taps(request, featured, bool(methods))) as watch:
        yield Pass(model, watch, methods, request, where, unit)


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


def _heads(model: nn.Module, seen: Captured, request: Request) -> dict[str, Tensor]:
    layer = request.explained[0]
    try:
        head = model.get_submodule(request.head)
    except AttributeError:
        raise ValueError(f"head: {type(model).__name__} has no module {request.head!r}") from None
    layer_maps.check_head(seen, layer, head, request.head)
    return {layer: head.weight}


class Pass:
    """The batches of a pass, on the CPU; made by `passing`."""

    def __init__(
        self,
        model: nn.Module,
        watch: Watcher,
        methods: Sequence[str],
        request: Request,
        where: str,
        unit: str,
    ) -> None:
        self.maps = {name: MapTable() for name in methods}
        self._model, self._watch, self._request = model, watch, request
        self._where, self._unit = where, unit
        self._methods = layer_maps.modules(methods)
        self._heads: dict[str, Tensor] = {}
        batch = request.gram_batch
        self._indices = Rows((), np.int64)
        self._logits: Rows | None = None
        self._features: dict[str, Rows] = {}
        self._gram_indices = Rows((batch,), np.int64)
        self._grams: dict[str, Rows] = {}

    def take(self, inputs: Tensor, batch: Batch) -> np.ndarray:
        """Keep what is written of one batch, or nothing where it fails; returns its logits
        (B, classes).

        Args:
            inputs: what the model takes, on its device.

        Raises:
            ValueError: logits that aren't finite, or a layer or head that can't be observed.
        """
        seen = self._watch(inputs)
        self._check_finite(seen.logits, batch)
        if self._methods and self._request.head and not self._heads:
            self._heads = _heads(self._model, seen, self._request)
        logits = _array(seen.logits)
        maps = self._explained(seen, logits.argmax(axis=1), batch) if self.maps else ()
        self._indices.add(batch.indices)
        self._logits = self._logits or Rows(logits.shape[1:], logits.dtype)
        self._logits.add(logits)
        whole = len(batch.indices) == self._request.gram_batch
        if whole:
            self._gram_indices.add(batch.indices[None])
        for layer, summaries in seen.summaries.items():
            if "gap" in summaries:
                pooled = _array(summaries["gap"])
                if layer not in self._features:
                    self._features[layer] = Rows(pooled.shape[1:], pooled.dtype)
                self._features[layer].add(pooled)
                self._take_grams(layer, summaries, self._request.reductions, whole)
        for found, values in maps:
            self.maps[found.method].add(
                found.layer,
                indices=batch.indices[found.rows],
                ranks=np.full(len(found.rows), found.rank),
                classes=found.classes,
                maps=values,
            )
        return logits

    def _check_finite(self, logits: Tensor, batch: Batch) -> None:
        finite = torch.isfinite(logits).all(dim=1).cpu().numpy()
        if not finite.all():
            raise ValueError(
                f"{self._where}: {(~finite).sum()} {self._unit} have logits that are not "
                f"finite, the first is index {batch.indices[~finite][0]}; the weights are "
                "damaged or the preprocessing is not the model's"
            )

    def _take_grams(
        self, layer: str, summaries: dict[str, Tensor], reductions: Sequence[str], whole: bool
    ) -> None:
        side = self._request.gram_batch
        for reduction in reductions:
            name = f"{layer}.{reduction}"
            if name not in self._grams:
                self._grams[name] = Rows((side, side), np.float32)
            if whole:
                pooled = reduction == "gap"
                gram = grams.centred_gram(summaries["gap"]) if pooled else summaries[reduction]
                self._grams[name].add(_array(gram)[None])

    def _explained(
        self, seen: Captured, own: np.ndarray, batch: Batch
    ) -> list[tuple[layer_maps.LayerMaps, np.ndarray]]:
        wanted = classes.of_layers(batch.labels, own, batch.references)
        made = layer_maps.attribute(seen, wanted, self._methods, self._heads)
        return [(found, _array(found.maps)) for found in made]

    def in_index_order(self) -> Passed:
        """Everything that was kept, sorted."""
        back = np.argsort(self._indices.all())
        return Passed(
            logits=self._logits.all()[back],
            features={layer: rows.all()[back] for layer, rows in self._features.items()},
            grams={name: rows.all() for name, rows in self._grams.items()},
            gram_indices=self._gram_indices.all(),
            maps=self.maps,
            indices=self._indices.all()[back],
        )


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()
