"""Plain convolutional networks: the students of the reasoning-consistency study.

Source: github.com/adayilmax/reasoning-consistency-distillation, file student.py; its tiny,
small and medium students have 94,762, 242,474 and 981,802 parameters at 10 classes and 3 channels.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn


class PlainNet(nn.Module):
    """Blocks of 3x3 convolution, batch normalisation and ReLU, average pooling, a linear head.

    The blocks are `blocks.block1`, `blocks.block2` ...; a block's 2x2 max-pooling, where it has
    one, is its last layer, so a block's output is what the next block sees.
    """

    def __init__(self, classes: int, channels: int, widths: Sequence[int], pools: set[int]) -> None:
        super().__init__()
        entering = [channels, *widths[:-1]]
        self.blocks = nn.Sequential(
            OrderedDict(
                (f"block{i}", _block(before, width, pool=i in pools))
                for i, (before, width) in enumerate(zip(entering, widths, strict=True), start=1)
            )
        )
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of normalised images (B, channels, H, W)."""
        return self.head(self.blocks(images).mean(dim=(2, 3)))


def _block(before: int, width: int, *, pool: bool) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(before, width, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    ]
    if pool:
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def build(classes: int, channels: int, widths: Sequence[int], pools: Sequence[int]) -> PlainNet:
    """A plain network with PyTorch's default initial weights.

    Args:
        classes: length of the logits.
        channels: of the input image.
        widths: channels of each block, input to output.
        pools: numbers of the blocks (from 1) that end in 2x2 max-pooling.

    Raises:
        ValueError: no block, or a pool behind a block that there isn't.
    """
    if not widths:
        raise ValueError("`widths` is empty: a plain network needs at least one block")
    beyond = sorted(set(pools) - set(range(1, len(widths) + 1)))
    if beyond:
        raise ValueError(f"`pools` names block {beyond[0]}; blocks are 1 to {len(widths)}")
    return PlainNet(classes, channels, widths, set(pools))
