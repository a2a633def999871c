"""Which way round a layer's output is: channels first (B, C, H, W) or last (B, H, W, C).

Images are square, so that a map has its two equal sides behind its channels or before them. That
alone is a strong sign. Channels last is believed only where the module itself counts as many
channels; a swin transformer of torchvision does.
"""

from __future__ import annotations

from torch import Tensor, nn

FIRST, LAST = "channels first", "channels last"

_OF_CHANNELS_FIRST = ("out_channels", "num_channels", "num_features")
"""What convolutions, group and batch normalisation call their number of channels."""


class LayoutError(ValueError):
    """An output of which nobody can say where its channels are."""


def layout_of(module: nn.Module, output: Tensor) -> str:
    """`FIRST` or `LAST` of a module's output of four dimensions.

    Args:
        module: that put it out.
        output: (B, C, H, W) or (B, H, W, C), of a square image.

    Raises:
        LayoutError: it looks like channels last and nothing in the module says so; or all sides
            are equal, and what is in the module works on the last of them.
    """
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
    return output.movedim(3, 1) if layout_of(module, output) == LAST else output


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
