"""Which layers of a network to compare and to explain, found in a pass of two images.

A stage is a stretch of the network at one resolution. Its last output is proposed: of the outermost
module that ends there. The maps are of the last two stages, the last of which is what a global
pooling follows. A linear layer that gives the logits from that mean is proposed as head.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from distilscope.models.build import ModelError
from distilscope.models.layout import LayoutError, channels_first

MOST = 5
"""Stages that are proposed: the last ones."""
TOKEN_STAGES = 4
"""Layers that are proposed of a network whose layers are all of one grid."""
SIDES_OF_A_BLOCK = 2
"""Resolutions that a block works at: where it begins and where it ends."""
HEAD_TOLERANCE = 1e-4
BRIGHT = 3.0
"""Standard deviations of the pixels of images that a head is tried on besides the sample."""
POOLS = (nn.AvgPool2d, nn.MaxPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


@dataclass(frozen=True)
class Line:
    """A module that ran: its path, what it is, its output's shape, how often it was called."""

    path: str
    kind: str
    shape: tuple[int, ...] | None
    calls: int

    @property
    def words(self) -> str:
        """One line of the tree, indented by its depth."""
        name = f"{'  ' * self.path.count('.')}{self.path.rpartition('.')[2]}"
        shape = "x".join(map(str, self.shape[1:])) if self.shape else "-"
        again = f"  called {self.calls} times" if self.calls > 1 else ""
        return f"{name:<40} {self.kind:<28} {shape}{again}"


@dataclass(frozen=True)
class Proposal:
    """What to compare of a network.

    Attributes:
        compared: name -> module path, input to output. maps: names of those to explain, the last
            first. head: path of a linear layer with a closed form over `maps[0]`, or None.
        tree: the modules in the order of their names.
    """

    compared: dict[str, str]
    maps: tuple[str, ...]
    head: str | None
    tree: tuple[Line, ...]

    def settings(self) -> dict[str, Any]:
        """As the entry of a network spells it."""
        head = {"head": self.head} if self.head else {}
        return {"layers": self.compared, "explained": list(self.maps), **head}


@dataclass
class _Output:
    """What a module put out when it ended.

    Attributes:
        map: with channels first. tokens: it came as tokens.
        weighs: the module has weights, so that it is more than a pooling or an activation.
    """

    path: str
    module: nn.Module
    map: Tensor
    tokens: bool
    weighs: bool

    @property
    def depth(self) -> int:
        """Of the path."""
        return self.path.count(".")


def propose(module: nn.Module, sample: Tensor) -> Proposal:
    """Layers to compare, layers to explain, and a head.

    Args:
        module: in any mode; it is left as it was.
        sample: (B, C, H, W) as the network takes it, of square images.

    Raises:
        ModelError: it can't take the sample, or nothing in it puts out a map.
    """
    found: list[_Output] = []
    calls: dict[str, int] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    pooled: set[int] = set()
    kept: list[Tensor] = []

    def record(path: str):
        def hook(layer: nn.Module, inputs: Any, output: Any) -> None:
            calls[path] = calls.get(path, 0) + 1
            if not isinstance(output, Tensor):
                return
            shapes[path] = tuple(output.shape)
            kept.append(output)  # so that no other tensor gets its identity
            if isinstance(layer, POOLS):
                pooled.add(id(output))
            others = id(output) in pooled or output.shape[:1] != sample.shape[:1]  # such as windows
            turned = None if others else _map(layer, output)
            if turned is not None:
                weighs = any(True for _ in layer.parameters())
                found.append(_Output(path, layer, turned, output.ndim == 3, weighs))

        return hook

    named = [(path, layer) for path, layer in module.named_modules() if path]
    hooks = [layer.register_forward_hook(record(path)) for path, layer in named]
    try:
        with _evaluating(module):
            logits = module(sample)
    except Exception as error:
        size = "x".join(map(str, sample.shape[1:]))
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{type(module).__name__} can't take images of {size}: {line}") from error
    finally:
        for hook in hooks:
            hook.remove()
    once = [each for each in found if calls[each.path] == 1]
    stages = _stages([each for each in once if not _within_another(each, once)])
    if not stages:
        raise ModelError(
            f"nothing in {type(module).__name__} that runs once puts out a map: name `layers` "
            "yourself, or explain at the input alone (`observe.methods`)"
        )
    compared = {re.sub(r"\W+", "_", each.path): each.path for each in stages[-MOST:]}
    if len(compared) < len(stages[-MOST:]) or any(len(name) > 40 for name in compared):
        compared = {f"stage{n}": each.path for n, each in enumerate(stages[-MOST:], 1)}
    maps = tuple(reversed(compared))[:2]
    tree = tuple(
        Line(path, type(layer).__name__, shapes.get(path), calls.get(path, 0))
        for path, layer in named
        if path in calls
    )
    return Proposal(compared, maps, _head(module, stages[-1], logits, sample), tree)


@contextlib.contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Eval mode and no gradients; the mode of each module comes back."""
    modes = [(layer, layer.training) for layer in module.modules()]
    try:
        with torch.no_grad():
            module.eval()
            yield
    finally:
        for layer, training in modes:
            layer.training = training


def _map(module: nn.Module, output: Tensor) -> Tensor | None:
    """The output with channels first, if it is a map or tokens of a grid."""
    if output.ndim not in (3, 4):
        return None
    try:
        turned = channels_first(module, output)
    except LayoutError:
        return None
    height, width = turned.shape[2:]
    return turned if height == width and height > 1 else None


def _within_another(each: _Output, others: list[_Output]) -> bool:
    """Whether a module is part of a block that ends at another resolution.

    What holds the first module of its resolution, or works at more than a block does, is no block
    but the network or a row of stages.
    """
    side = each.map.shape[2]
    first = next((o for o in others if o.weighs and o.map.shape[2] == side), each)
    for other in others:
        inside = f"{other.path}."
        if other.map.shape[2] == side or not each.path.startswith(inside):
            continue
        sides = {o.map.shape[2] for o in others if o.weighs and o.path.startswith(inside)}
        if not first.path.startswith(inside) and len(sides) <= SIDES_OF_A_BLOCK:
            return True
    return False


def _stages(outputs: list[_Output]) -> list[_Output]:
    """The last output of each resolution that modules with weights work at, input to output."""
    by_side: dict[int, list[_Output]] = {}
    for each in outputs:
        by_side.setdefault(each.map.shape[2], []).append(each)
    stages = [stage for stage in by_side.values() if any(each.weighs for each in stage)]
    if len(stages) == 1 and len(blocks := _blocks(stages[0])) > 1:
        return _spread(blocks)
    ends = [_end(stage) for stage in stages]
    return [end for end in ends if not any(_deep_in(end, other) for other in ends)]


def _deep_in(end: _Output, other: _Output) -> bool:
    """Whether a stage is a branch within a block of another stage."""
    return end.path.startswith(f"{other.path}.") and end.depth > other.depth + 1


def _end(stage: list[_Output]) -> _Output:
    """The module that ends last, the outermost of those that do, with the activation behind it."""
    last = max(place for place, each in enumerate(stage) if each.weighs)
    depth = stage[last].depth
    return [each for each in stage[last:] if each.depth == depth][-1]


def _blocks(stage: list[_Output]) -> list[_Output]:
    """The members of the longest row of modules under one parent, such as `blocks.0` ..."""
    rows: dict[str, list[_Output]] = {}
    for each in stage:
        parent = each.path.rpartition(".")[0]
        if any(True for _ in each.module.children()):
            rows.setdefault(parent, []).append(each)
    return max(rows.values(), key=len, default=[])


def _spread(blocks: list[_Output]) -> list[_Output]:
    """Some of many, evenly. Of blocks of tokens the last one is left out.

    What it puts out beside the class token reaches no logit, so that a map there would be nothing.
    """
    usable = blocks[:-1] if blocks[-1].tokens else blocks
    count = min(TOKEN_STAGES, len(usable))
    places = {round((n + 1) * len(usable) / count) - 1 for n in range(count)}
    return [usable[place] for place in sorted(places)]


def _head(module: nn.Module, last: _Output, logits: Any, sample: Tensor) -> str | None:
    """The linear layer that gives the logits from the mean of the last map.

    It has to do so for images that are unlike the sample too: of noise alone the means of a map
    hardly differ, so that what stands between (a ReLU, a clamp) may do nothing.
    """
    if last.tokens or not isinstance(logits, Tensor) or logits.ndim != 2:
        return None
    for path, layer in module.named_modules():
        if isinstance(layer, nn.Linear) and _gives(layer, last.map, logits):
            return path if _gives(layer, *_of_others(module, last, sample)) else None
    return None


def _gives(head: nn.Linear, map: Tensor, logits: Tensor) -> bool:
    """Whether the logits are the head's of the mean of a map with its channels first."""
    pooled = map.mean(dim=(2, 3))
    if (head.in_features, head.out_features) != (pooled.shape[1], logits.shape[1]):
        return False
    scale = logits.abs().max().clamp_min(1e-30)
    given = nn.functional.linear(pooled, head.weight, head.bias).detach()
    return bool((given - logits).abs().max() <= HEAD_TOLERANCE * scale)


def _of_others(module: nn.Module, last: _Output, sample: Tensor) -> tuple[Tensor, Tensor]:
    """The map and the logits of images with more contrast, and of bright and dark ones."""
    grey = torch.full_like(sample[:1], BRIGHT)
    seen: list[Tensor] = []

    def keep(layer: nn.Module, inputs: Any, output: Tensor) -> None:
        seen.append(channels_first(layer, output).clone())  # what follows may write into it

    hook = last.module.register_forward_hook(keep)
    try:
        with _evaluating(module):
            logits = module(torch.cat([BRIGHT * sample, grey, -grey]))
    finally:
        hook.remove()
    return seen[0], logits
