"""torchvision's ResNets with a stem for small images and a width that a CPU can train.

Parameter names are torchvision's, so that its weights load. Source of the small stem: He et al.
2016, section 4.2, as the reproduced study applies it to ResNet-50 (23,520,842 parameters at 10
classes).
"""

from __future__ import annotations

from typing import Literal

from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

STAGES: dict[int, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, int, int, int]]] = {
    10: (BasicBlock, (1, 1, 1, 1)),
    14: (Bottleneck, (1, 1, 1, 1)),
    18: (BasicBlock, (2, 2, 2, 2)),
    26: (Bottleneck, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
}


class ScaledResNet(ResNet):
    """A torchvision ResNet whose four stages have `width` times 1, 2, 4 and 8 planes."""

    def __init__(self, classes: int, channels: int, depth: int, width: int, stem: str) -> None:
        nn.Module.__init__(self)
        block, repeats = STAGES[depth]
        self._norm_layer = nn.BatchNorm2d
        self.inplanes, self.dilation, self.groups, self.base_width = width, 1, 1, 64
        if stem == "small":
            self.conv1 = nn.Conv2d(channels, width, kernel_size=3, padding=1, bias=False)
            self.maxpool = nn.Identity()
        else:
            self.conv1 = nn.Conv2d(channels, width, kernel_size=7, stride=2, padding=3, bias=False)
            self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = self._make_layer(block, width, repeats[0])
        self.layer2 = self._make_layer(block, 2 * width, repeats[1], stride=2)
        self.layer3 = self._make_layer(block, 4 * width, repeats[2], stride=2)
        self.layer4 = self._make_layer(block, 8 * width, repeats[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(8 * width * block.expansion, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def build(
    classes: int,
    channels: int,
    depth: int,
    width: int = 64,
    stem: Literal["small", "imagenet"] = "small",
) -> ScaledResNet:
    """A ResNet with torchvision's initial weights.

    Args:
        classes: length of the logits.
        channels: of the input image.
        depth: 10, 14, 18, 26, 34, 50 or 101; 10, 14 and 26 are not torchvision's.
        width: planes of the first stage (torchvision: 64); the other stages have 2, 4 and 8 times
            as many.
        stem: `small` (3x3, stride 1, no max-pooling) or `imagenet` (7x7, stride 2, max-pooling).

    Raises:
        ValueError: a depth, width or stem that there isn't.
    """
    if depth not in STAGES:
        raise ValueError(f"`depth` is {depth}; accepted are {', '.join(map(str, STAGES))}")
    if width < 1:
        raise ValueError(f"`width` is {width}; it must be at least 1")
    if stem not in ("small", "imagenet"):
        raise ValueError(f"`stem` is {stem!r}; accepted are 'small' and 'imagenet'")
    return ScaledResNet(classes, channels, depth, width, stem)
