"""A network that somebody gives: its logits, its layers, and what is odd about it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from distilscope.models.build import check_layers
from distilscope.models.halving import Halving
from distilscope.models.probabilities import HALVES, are_probabilities
from distilscope.observing import layer_maps
from distilscope.observing.capture import Tap, watching
from distilscope.observing.forward import Batch, Pass
from distilscope.observing.numerics import exact

INSIDE = "module"
"""The path of somebody's network in `Logits`."""


class Logits(nn.Module):
    """A network whose output is its logits (B, classes), whatever it wraps them in.

    Args:
        which: key or position of the logits in an output that is a mapping or a sequence.
        called: what errors call the network.
    """

    def __init__(self, network: nn.Module, which: str | int | None, called: str) -> None:
        super().__init__()
        self.module, self.which, self.called = network, which, called
        self.training = network.training

    def forward(self, inputs: Tensor) -> Tensor:
        """The logits, in fp32 where the network ends in half precision.

        Raises:
            ValueError: the output has several entries and nobody said which, or is no (B, classes).
        """
        found = self._entry(self.module(inputs))
        if not isinstance(found, Tensor) or found.ndim != 2:
            shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise ValueError(
                f"the {self.called} puts out {shape}; expected logits (images, classes)"
            )
        return found.float() if found.dtype in HALVES else found

    def _entry(self, output: Any) -> Any:
        if isinstance(output, Tensor):
            return output
        entries = _entries(output)
        if self.which is None:
            raise ValueError(
                f"the {self.called} puts out a {type(output).__name__} of "
                f"{', '.join(map(repr, entries)) or type(output).__name__}: say which entry holds "
                f"its logits, such as output={{{self.called!r}: {_likely(entries)!r}}}"
            )
        if self.which not in entries:
            raise ValueError(
                f"output: the {self.called} has no entry {self.which!r}; it has "
                f"{', '.join(map(repr, entries))}"
            )
        return entries[self.which]


def _entries(output: Any) -> dict[str | int, Any]:
    if isinstance(output, Mapping):
        return dict(output.items())
    if isinstance(output, (tuple, list)):
        named = getattr(output, "_fields", ())
        return {**dict(enumerate(output)), **dict(zip(named, output, strict=False))}
    return dict(vars(output)) if hasattr(output, "__dict__") else {}


def _likely(entries: Mapping[str | int, Any]) -> str | int:
    """The first entry that may be logits (images, classes)."""
    fitting = (key for key, each in entries.items() if getattr(each, "ndim", 0) == 2)
    return next(fitting, next(iter(entries), 0))


def _trains(network: nn.Module) -> bool:
    """Whether it is in training mode; a wrapper around one that isn't, as DataParallel, is not."""
    innermost = (module for module in network.modules() if not list(module.children()))
    return network.training and any(module.training for module in innermost)


def device_of(network: nn.Module) -> torch.device:
    """Where its first parameter or buffer is."""
    first = next(itertools.chain(network.parameters(), network.buffers()), None)
    return torch.device("cpu") if first is None else first.device


def inputs(network: nn.Module, prepare: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """What a network takes of a batch, on its device, in fp32.

    Raises:
        ValueError: integers, which no network was trained on.
    """
    found = prepare(images)
    if not found.is_floating_point():
        raise ValueError(
            f"images are {found.dtype}; networks take floats as they were trained on: "
            "normalise them, or give prepare={'teacher': function, 'student': function}"
        )
    return found.to(device_of(network), torch.float32)


def check_layers_can_be_watched(network: nn.Module, called: str) -> None:
    """Refuse TorchScript, whose layers can't be hooked.

    Raises:
        ValueError: it is; the message says what would be accepted.
    """
    if isinstance(network, torch.jit.ScriptModule):
        raise ValueError(
            f"the {called} is TorchScript, whose layers can't be watched: give the network that it "
            f"was made of, or its file to `distilscope audit --{called} FILE`, which opens it up"
        )


def check_precision(network: nn.Module, called: str) -> None:
    """Refuse weights that are not in fp32, in which both networks are run.

    Raises:
        ValueError: they are in another precision; the message says how they become fp32.
    """
    for name, own in network.named_parameters():
        if own.is_floating_point() and own.dtype != torch.float32:
            raise ValueError(
                f"the {called} has weights of {own.dtype} ({name}), and networks are run in fp32: "
                f"give copy.deepcopy({called}).float(), whose weights stay rounded as they are"
            )


@dataclass
class Side:
    """One of the two networks, ready to be observed.

    Attributes:
        called: `teacher` or `student`.
        network: with its logits as its output. prepare: images -> what it takes.
        layers: paths of what is compared, input to output. explained: those with maps.
        head: path of the linear layer behind average pooling over `explained[0]`, or None.
        notes: what is odd about it. halving: of batches that do not fit in memory.
        classes: the length of its logits, once it is settled.
        proposal: which layers nobody chose but were proposed, in a sentence.
    """

    called: str
    network: Logits
    prepare: Callable[[Tensor], Tensor]
    layers: tuple[str, ...]
    explained: tuple[str, ...]
    head: str | None = None
    notes: list[str] = field(default_factory=list)
    halving: Halving = field(init=False)
    classes: int = 0
    proposal: str | None = None

    def __post_init__(self) -> None:
        self.halving = Halving(self.called)

    @property
    def paths(self) -> dict[str, str]:
        """Layer -> its path from `network`."""
        return {layer: f"{INSIDE}.{layer}" for layer in self.layers}

    def inputs(self, images: Tensor) -> Tensor:
        """What the network takes of a batch, as `inputs` has it."""
        return inputs(self.network, self.prepare, images)

    def settle(self, images: Tensor) -> None:
        """Try it on two images: find its head, its classes, and what is odd.

        Raises:
            ValueError: layers or an output that can't be used.
        """
        check_layers(self.network.module, {layer: layer for layer in self.layers})
        if _trains(self.network.module):
            self.notes.append(
                f"the {self.called} was in training mode: it was run in evaluation mode, and is as "
                "it was again"
            )
        last = self.explained[0]
        tap = Tap(self.paths[last], {"": lambda output: output[:0]}, whole=True)
        with exact(torch.get_num_threads()), watching(self.network, {last: tap}) as watch:
            seen = watch(self.inputs(images[:2]))
        linear = [
            (path, layer)
            for path, layer in self.network.named_modules()
            if isinstance(layer, nn.Linear)
        ]
        for path, layer in linear[-1:]:
            try:
                layer_maps.check_head(seen, last, layer, path)
                self.head = path
            except ValueError:
                self.head = None  # maps come by the gradient, which needs no such head
        self.classes = seen.logits.shape[1]

    def take(self, one: Pass, images: Tensor, batch: Batch) -> np.ndarray:
        """Put a batch through a pass, in halves where it does not fit in memory: its logits.

        Raises:
            MemoryError: one image alone does not fit.
        """

        def take(rows: slice) -> np.ndarray:
            part = Batch(batch.indices[rows], batch.labels[rows], batch.references[rows])
            return one.take(self.inputs(images[rows]), part)

        return np.concatenate(self.halving.run(len(images), take))

    def look_at(self, logits: np.ndarray) -> None:
        """Note what is odd about all logits (N, classes)."""
        self.notes += self.halving.notes("images")
        if are_probabilities(torch.from_numpy(logits)):
            self.notes.append(
                f"the outputs of the {self.called} are probabilities (each row sums to 1), not "
                "logits: calibration and divergences are of their softmax, and maps of a "
                "probability. Give the network without its softmax"
            )
