"""Which way round a layer's output is: channels first (B, C, H, W), last (B, H, W, C), or tokens.

Tokens (B, T, C), as vision transformers have them, are a square grid row by row behind a few of
other kinds (class, distillation, registers), which are no part of a map.

Images are square, so that a map has its two equal sides behind its channels or before them. That
alone is a strong sign. Channels last is believed only where the module itself counts as many
channels; a swin transformer of torchvision does.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

FIRST, LAST, TOKENS = "channels first", "channels last", "tokens"
BEFORE_THE_GRID = 8
"""The most tokens that are looked for before those of the grid."""

_OF_CHANNELS_FIRST = ("out_channels", "num_channels", "num_features")
"""What convolutions, group and batch normalisation call their number of channels."""


class LayoutError(ValueError):
    """An output of which nobody can say where its channels are."""


def layout_of(module: nn.Module, output: Tensor) -> str:
    """`FIRST` or `LAST` of a module's output of four dimensions, `TOKENS` of one of three.

    Args:
        module: that put it out.
        output: (B, C, H, W), (B, H, W, C) or (B, T, C), of a square image.

    Raises:
        LayoutError: it looks like channels last and nothing in the module says so; or all sides
            are equal, and what is in the module works on the last of them.
    """
    if output.ndim == 3:
        grid_of(output)
        return TOKENS
    first, middle, last = output.shape[1:]
    if middle == last and first != middle:
        return FIRST
    before, behind, normalised = _counts(module)
    if first == middle and middle != last:
        if last in before | behind:
            return LAST
        raise LayoutError(_said(output, "and nothing in it counts as many channels"))
    if first == middle:
        # A linear layer beside convolutions is one that weighs channels; a LayerNorm is not.
        if last in normalised or (last in behind and last not in before):
            raise LayoutError(_said(output, "or channels first: its sides don't tell"))
        return FIRST
    return LAST if last in before | behind and first not in before | behind else FIRST


def channels_first(module: nn.Module, output: Tensor) -> Tensor:
    """The output with its channels first: (B, C, H, W), a view.

    Raises:
        LayoutError: see `layout_of`.
    """
    return to_first(output, layout_of(module, output))


def to_first(output: Tensor, layout: str | None) -> Tensor:
    """The same of a layout that is known: (B, C, H, W), a view; of tokens the grid alone."""
    if layout == LAST:
        return output.movedim(3, 1)
    if layout == TOKENS:
        before, side = grid_of(output)
        return output[:, before:].transpose(1, 2).unflatten(2, (side, side))
    return output


def from_first(turned: Tensor, output: Tensor, layout: str | None) -> Tensor:
    """Back again, with the tokens of the output that are no part of the grid."""
    if layout == LAST:
        return turned.movedim(1, 3)
    if layout == TOKENS:
        before, _ = grid_of(output)
        return torch.cat([output[:, :before], turned.flatten(2).transpose(1, 2)], dim=1)
    return turned


def grid_of(output: Tensor) -> tuple[int, int]:
    """How many tokens stand before the grid of (B, T, C), and the grid's side.

    Raises:
        LayoutError: no square is left by taking up to `BEFORE_THE_GRID` tokens away.
    """
    tokens = output.shape[1]
    for before in range(BEFORE_THE_GRID + 1):
        side = math.isqrt(max(0, tokens - before))
        if side >= 2 and side * side == tokens - before:
            return before, side
    raise LayoutError(
        f"puts out {tuple(output.shape)}: {tokens} tokens are no square grid behind up to "
        f"{BEFORE_THE_GRID} others; name a layer that puts out a grid"
    )


def _counts(module: nn.Module) -> tuple[set[int], set[int], set[int]]:
    """The numbers of channels of the parts that work on channels in front, of those that work on
    channels behind, and of the normalisations among the latter.
    """
    before, behind, normalised = set(), set(), set()
    for part in module.modules():
        if isinstance(part, nn.Linear):
            behind.add(part.out_features)
        elif isinstance(part, nn.LayerNorm):
            normalised.add(part.normalized_shape[-1])
        else:
            before |= {getattr(part, name, None) for name in _OF_CHANNELS_FIRST}
    return before, behind | normalised, normalised


def _said(output: Tensor, why: str) -> str:
    shape = ", ".join(map(str, output.shape))
    return (
        f"puts out ({shape}), which may be (images, height, width, channels), {why}. A map needs "
        "(images, channels, height, width): name a module around it whose normalisation or linear "
        "layer counts the channels, or let the network move them to the front"
    )
