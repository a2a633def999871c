"""The networks of the dark-knowledge studies, for images of 32 pixels.

Teachers are ladders of three families: ResNet (He et al. 2016, section 4.2), wide ResNet (Zagoruyko
and Komodakis 2016) and ResNeXt (Xie et al. 2017). Students are those that studies of distillation
share since Tian et al. 2020 (github.com/HobbitLong/RepDistiller): VGG8, ShuffleNetV1 and half a
MobileNetV2. At 100 classes they have 3,965,028, 949,258 and 812,836 parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


class Staged(nn.Module):
    """A stem, stages `layer1` ..., global average pooling and a linear head `fc`."""

    def __init__(self, stem: nn.Module, stages: Sequence[nn.Module], out: int, classes: int):
        super().__init__()
        self.stem, self.depth = stem, len(stages)
        for number, stage in enumerate(stages, 1):
            self.add_module(f"layer{number}", stage)
        self.fc = nn.Linear(out, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of normalised images (B, channels, H, W)."""
        seen = self.stem(images)
        for number in range(1, self.depth + 1):
            seen = self.get_submodule(f"layer{number}")(seen)
        return self.fc(seen.mean(dim=(2, 3)))


class Residual(nn.Module):
    """body(x) + shortcut(x), through a ReLU where the network has it behind the sum."""

    def __init__(self, body: nn.Module, shortcut: nn.Module, *, activated: bool):
        super().__init__()
        self.body, self.shortcut = body, shortcut
        self.after = nn.ReLU() if activated else nn.Identity()

    def forward(self, seen: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C', H', W')."""
        return self.after(self.body(seen) + self.shortcut(seen))


def _conv(
    before: int, after: int, kernel: int, stride: int = 1, groups: int = 1, *, relu: bool = True
) -> nn.Sequential:
    """Convolution without bias, batch normalisation, perhaps ReLU."""
    same = kernel // 2
    layers: list[nn.Module] = [
        nn.Conv2d(before, after, kernel, stride, same, groups=groups, bias=False),
        nn.BatchNorm2d(after),
    ]
    return nn.Sequential(*layers, *([nn.ReLU()] if relu else []))


def _stages(
    block: Callable[[int, int, int], nn.Module], before: int, widths: Sequence[int], each: int
) -> list[nn.Sequential]:
    """Stages of `each` blocks; all but the first begin with stride 2."""
    found = []
    for place, width in enumerate(widths):
        strides = [1 if place == 0 else 2, *[1] * (each - 1)]
        entering = [before, *[width] * (each - 1)]
        found.append(
            nn.Sequential(*(block(b, width, s) for b, s in zip(entering, strides, strict=True)))
        )
        before = width
    return found


def _blocks(depth: int, rest: int, layers: int, name: str) -> int:
    """Blocks of each of the three stages.

    Raises:
        ValueError: no network of the family has that depth.
    """
    each, left = divmod(depth - rest, 3 * layers)
    if left or each < 1:
        raise ValueError(f"{name} has a depth of {3 * layers} n + {rest}, got {depth}")
    return each


# ------------------------------------------------------------------------------------ teachers


def resnet(classes: int, channels: int, depth: int) -> Staged:
    """ResNet of depth 6 n + 2 with 16, 32 and 64 planes; 1x1 convolutions where shapes change."""

    def block(before: int, after: int, stride: int) -> Residual:
        body = nn.Sequential(_conv(before, after, 3, stride), _conv(after, after, 3, relu=False))
        same = before == after and stride == 1
        shortcut = nn.Identity() if same else _conv(before, after, 1, stride, relu=False)
        return Residual(body, shortcut, activated=True)

    each = _blocks(depth, 2, 2, "a CIFAR ResNet")
    return Staged(_conv(channels, 16, 3), _stages(block, 16, (16, 32, 64), each), 64, classes)


def wide_resnet(classes: int, channels: int, depth: int, widen: int) -> Staged:
    """Wide ResNet of depth 6 n + 4 with 16, 32 and 64 times `widen` planes, pre-activation."""
    widths = [16 * widen, 32 * widen, 64 * widen]
    stages = _stages(_WideBlock, 16, widths, _blocks(depth, 4, 2, "a wide ResNet"))
    stages[-1].extend([nn.BatchNorm2d(widths[-1]), nn.ReLU()])
    return Staged(nn.Conv2d(channels, 16, 3, padding=1, bias=False), stages, widths[-1], classes)


class _WideBlock(nn.Module):
    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.first = nn.Sequential(nn.BatchNorm2d(before), nn.ReLU())
        self.body = nn.Sequential(
            _conv(before, after, 3, stride), nn.Conv2d(after, after, 3, padding=1, bias=False)
        )
        same = before == after and stride == 1
        self.shortcut = None if same else nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, seen: Tensor) -> Tensor:
        ready = self.first(seen)
        return self.body(ready) + (seen if self.shortcut is None else self.shortcut(ready))


def resnext(classes: int, channels: int, depth: int, cardinality: int, width: int) -> Staged:
    """ResNeXt of depth 9 n + 2: bottlenecks of `cardinality` groups of `width`, expansion 4."""
    scale = 64 * 4

    def block(before: int, after: int, stride: int) -> Residual:
        inner = cardinality * width * after // scale
        body = nn.Sequential(
            _conv(before, inner, 1),
            _conv(inner, inner, 3, stride, cardinality),
            _conv(inner, after, 1, relu=False),
        )
        same = before == after and stride == 1
        shortcut = nn.Identity() if same else _conv(before, after, 1, stride, relu=False)
        return Residual(body, shortcut, activated=True)

    each = _blocks(depth, 2, 3, "a CIFAR ResNeXt")
    stages = _stages(block, 64, (scale, 2 * scale, 4 * scale), each)
    return Staged(_conv(channels, 64, 3), stages, 4 * scale, classes)


# ------------------------------------------------------------------------------------ students


def vgg8(classes: int, channels: int) -> Staged:
    """Five convolutions of 64, 128, 256, 512 and 512 channels, max-pooling behind three."""
    stages, before = [], channels
    for place, width in enumerate((64, 128, 256, 512, 512)):
        layers = [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
        stages.append(nn.Sequential(*layers, *([nn.MaxPool2d(2)] if place < 3 else [])))
        before = width
    return Staged(nn.Identity(), stages, before, classes)


def shufflenet_v1(classes: int, channels: int) -> Staged:
    """ShuffleNet (Zhang et al. 2018) with three groups, 240, 480 and 960 channels."""
    stages, before = [], 24
    for width, each in ((240, 4), (480, 8), (960, 4)):
        blocks = [
            _Shuffled(before, width, 2),
            *(_Shuffled(width, width, 1) for _ in range(1, each)),
        ]
        stages.append(nn.Sequential(*blocks))
        before = width
    return Staged(_conv(channels, 24, 1), stages, before, classes)


class _Shuffled(nn.Module):
    """Grouped 1x1, shuffle, 3x3 by channel, grouped 1x1; of stride 2 beside the pooled input."""

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        own = after - before if stride == 2 else after
        inner, self.groups = own // 4, 1 if before == 24 else 3
        self.first = _conv(before, inner, 1, groups=self.groups)
        self.rest = nn.Sequential(
            _conv(inner, inner, 3, stride, inner), _conv(inner, own, 1, groups=3, relu=False)
        )
        self.pooled = nn.AvgPool2d(3, stride=2, padding=1) if stride == 2 else None

    def forward(self, seen: Tensor) -> Tensor:
        found = nn.functional.channel_shuffle(self.first(seen), self.groups)
        found = self.rest(found)
        if self.pooled is None:
            return torch.relu(found + seen)
        return torch.relu(torch.cat([found, self.pooled(seen)], dim=1))


def mobilenet_v2(classes: int, channels: int) -> Staged:
    """MobileNetV2 (Sandler et al. 2018) of half width, its first strides as for 32 pixels."""
    stages, before = [], 16
    plan = ((1, 8, 1, 1), (6, 12, 2, 1), (6, 16, 3, 2), (6, 32, 4, 2), (6, 48, 3, 1), (6, 80, 3, 2))
    for expansion, width, each, stride in (*plan, (6, 160, 1, 1)):
        blocks = []
        for place in range(each):
            blocks.append(_inverted(before, width, stride if place == 0 else 1, expansion))
            before = width
        stages.append(nn.Sequential(*blocks))
    stages[-1].append(_conv(before, 1280, 1))
    return Staged(_conv(channels, 16, 3, 2), stages, 1280, classes)


def _inverted(before: int, after: int, stride: int, expansion: int) -> nn.Module:
    inner = before * expansion
    body = nn.Sequential(
        _conv(before, inner, 1),
        _conv(inner, inner, 3, stride, inner),
        _conv(inner, after, 1, relu=False),
    )
    if stride == 1 and before == after:
        return Residual(body, nn.Identity(), activated=False)
    return body
