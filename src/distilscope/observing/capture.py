"""What named layers put out in a forward pass, without leaving a trace in the model."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from distilscope.models.build import check_layers
from distilscope.models.layout import LayoutError, from_first, layout_of, to_first

Summary = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Tap:
    """What is taken from one layer, with its channels first, whichever way round it is.

    Attributes:
        path: the module's path in the model, as in `model.named_modules()`.
        summaries: computed while the forward pass runs, so that the output itself isn't kept.
        whole: keep the output, which must be (N, C, H, W) or certainly (N, H, W, C).
        gradient: keep it so that logits can be differentiated with respect to it.
    """

    path: str
    summaries: Mapping[str, Summary] = field(default_factory=dict)
    whole: bool = False
    gradient: bool = False


@dataclass
class Captured:
    """One forward pass.

    Attributes:
        logits: (N, classes); on the graph from the first tapped layer with a gradient.
        outputs: layer -> (N, C, H, W), of the taps that keep the whole output.
        summaries: layer -> name -> tensor.
    """

    logits: Tensor
    outputs: dict[str, Tensor] = field(default_factory=dict)
    summaries: dict[str, dict[str, Tensor]] = field(default_factory=dict)


@contextlib.contextmanager
def frozen(model: nn.Module) -> Iterator[nn.Module]:
    """Evaluation mode and parameters without gradients; each module and parameter is restored."""
    modes = [(module, module.training) for module in model.modules()]
    wanted = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    try:
        model.eval()
        model.requires_grad_(False)
        yield model
    finally:
        for module, training in modes:
            module.training = training
        for parameter, requires_grad in wanted:
            parameter.requires_grad_(requires_grad)


@contextlib.contextmanager
def watching(model: nn.Module, taps: Mapping[str, Tap]) -> Iterator[Watcher]:
    """A function from inputs to `Captured`. The model is frozen, and its hooks go, with the block.

    Raises:
        ValueError: a path names no module; in a pass, a layer isn't called exactly once, or puts
            out something that isn't a tensor, isn't four-dimensional where the whole is kept, or
            of which nobody can say where its channels are.
    """
    check_layers(model, {name: tap.path for name, tap in taps.items()})
    with frozen(model), contextlib.ExitStack() as hooks:
        watcher = Watcher(model, taps)
        for name, tap in taps.items():
            module = model.get_submodule(tap.path)
            hooks.callback(module.register_forward_hook(watcher.hook(name, tap)).remove)
        yield watcher


class Watcher:
    """Runs a model whose layers are hooked; made by `watching`."""

    def __init__(self, model: nn.Module, taps: Mapping[str, Tap]) -> None:
        self._model = model
        self._taps = taps
        self._differentiable = any(tap.gradient for tap in taps.values())
        self._mirrored = getattr(model, "mirrored", False)
        self._seen: Captured | None = None

    def __call__(self, inputs: Tensor) -> Captured:
        """One forward pass over inputs (N, C, H, W). Nothing before the first layer with a
        gradient is on the graph, and nothing of the pass is kept here."""
        self._seen = seen = Captured(logits=inputs)
        try:
            with torch.set_grad_enabled(self._differentiable):
                seen.logits = self._model(inputs)
        finally:
            self._seen = None
        for name, tap in self._taps.items():
            if name not in seen.summaries:
                raise ValueError(
                    f"layer {name!r} ({tap.path}) is not called in a forward pass; "
                    "name a module that the model uses"
                )
        return seen

    def hook(self, name: str, tap: Tap) -> Callable[..., Tensor | None]:
        """The forward hook of a layer."""

        def on_output(module: nn.Module, inputs: tuple, output: Tensor) -> Tensor | None:
            seen = self._seen
            if seen is None:  # the model was called by someone else
                return None
            own = output
            layout = _check(name, tap, module, output, again=name in seen.summaries)
            output = to_first(output, layout)
            mirrored = self._mirrored and output.ndim == 4
            if mirrored:  # the model sees mirrored images; maps are those of the images
                output = output.flip(3)
            plain = output.detach()
            seen.summaries[name] = {key: of(plain) for key, of in tap.summaries.items()}
            if not tap.whole:
                return None
            # Own memory: what follows may write into the output (`out += identity`, in-place ReLU).
            kept = output.clone()
            if not tap.gradient:
                seen.outputs[name] = kept.detach()
                return None
            if not kept.requires_grad:
                kept = kept.detach().requires_grad_()
            seen.outputs[name] = kept
            given = kept.flip(3) if mirrored else kept
            return from_first(given, own, layout).clone()

        return on_output


def _check(name: str, tap: Tap, module: nn.Module, output: object, again: bool) -> str | None:
    """The layout of a layer's output, None where it is no map; refuse what can't be taken."""
    where = f"layer {name!r} ({tap.path})"
    if again:
        raise ValueError(
            f"{where} is called more than once in a forward pass, so that its output is ambiguous; "
            "name a module that is called once, such as the block around it"
        )
    if not isinstance(output, Tensor):
        raise ValueError(f"{where} puts out a {type(output).__name__}; a tensor is needed")
    if tap.whole and output.ndim not in (3, 4):
        raise ValueError(
            f"{where} puts out {tuple(output.shape)}; a map needs (images, channels, height, "
            "width), or tokens (images, tokens, channels)"
        )
    try:
        return layout_of(module, output) if output.ndim in (3, 4) else None
    except LayoutError as error:
        raise ValueError(f"{where} {error}") from None
