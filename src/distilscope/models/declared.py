"""The networks of this package, whose builders lie beside: read by the plan, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from distilscope.models.declaration import Architecture


def _plain(channels: tuple[int, ...], pools: tuple[int, ...], parameters: int) -> Architecture:
    blocks = [f"block{i}" for i in range(1, len(channels) + 1)]
    return Architecture(
        builder="distilscope.models.plain:build",
        settings={"widths": list(channels), "pools": list(pools)},
        layers={name: f"blocks.{name}" for name in blocks},
        explained=(blocks[-1], blocks[-2]),
        head="head",
        parameters=parameters,
        counted="distilscope.models.declared:parameters_of_plain",
    )


def _resnet(depth: int, parameters: int) -> Architecture:
    stages = [f"layer{i}" for i in range(1, 5)]
    return Architecture(
        builder="distilscope.models.resnet:build",
        settings={"depth": depth, "width": 64, "stem": "small"},
        layers={name: name for name in stages},
        explained=("layer4", "layer3"),
        head="fc",
        parameters=parameters,
        pretrained=f"resnet{depth}" if depth in (18, 34, 50, 101) else None,
        counted="distilscope.models.declared:parameters_of_resnet",
    )


def _cifar(builder: str, stages: int, parameters: int, **settings: int) -> Architecture:
    layers = [f"layer{i}" for i in range(1, stages + 1)]
    return Architecture(
        builder=f"distilscope.models.cifar:{builder}",
        settings=settings,
        layers={name: name for name in layers},
        explained=(layers[-1], layers[-2]),
        head="fc",
        parameters=parameters,
    )


def _language(family: str, parameters: int) -> Architecture:
    """Its layers are there at every depth: the first block, and what the head sees."""
    return Architecture(
        builder=f"distilscope.models.language:{family}",
        settings={
            "width": 96,
            "layers": 3,
            "heads": 4,
            "mlp": 3.0,
            "context": 256,
            "tied": True,
        },
        layers={"first": "network.model.layers.0", "last": "network.model.norm"},
        explained=(),
        head=None,
        parameters=parameters,
        modality="texts",
    )


ARCHITECTURES: dict[str, Architecture] = {
    "plain-tiny": _plain((32, 64, 128), (1, 2, 3), 94_762),
    "plain-small": _plain((32, 64, 128, 128), (2, 3, 4), 242_474),
    "plain-medium": _plain((32, 64, 128, 256, 256), (2, 3, 4), 981_802),
    "resnet10": _resnet(10, 4_903_242),
    "resnet14": _resnet(14, 8_028_746),
    "resnet18": _resnet(18, 11_173_962),
    "resnet26": _resnet(26, 13_958_986),
    "resnet34": _resnet(34, 21_282_122),
    "resnet50": _resnet(50, 23_520_842),
    "resnet101": _resnet(101, 42_512_970),
    "cifar-resnet": _cifar("resnet", 3, 1_730_714, depth=110),
    "cifar-wide-resnet": _cifar("wide_resnet", 3, 36_479_194, depth=28, widen=10),
    "cifar-resnext": _cifar("resnext", 3, 34_426_698, depth=29, cardinality=8, width=64),
    "vgg8": _cifar("vgg8", 5, 3_918_858),
    "shufflenet-v1": _cifar("shufflenet_v1", 3, 862_768),
    "mobilenet-v2": _cifar("mobilenet_v2", 7, 697_546),
    "qwen2": _language("qwen2", 361_920),
    "llama": _language("llama", 361_056),
    "transformers": Architecture(
        builder="distilscope.models.folders:build",
        settings={"folder": "", "first": 0, "last": 0},
        layers={"first": "network.model.layers.0", "last": "network.model.norm"},
        explained=(),
        head=None,
        modality="texts",
        described="distilscope.models.folder_settings:described",
        counted="distilscope.models.folder_settings:parameters",
    ),
}


def parameters_of_plain(settings: Mapping[str, Any]) -> int:
    """About how many a plain network of these settings has: those of its convolutions."""
    return sum(9 * before * width for before, width in pairwise((3, *settings["widths"])))


def parameters_of_resnet(settings: Mapping[str, Any]) -> int:
    """About how many a ResNet of these settings has: they grow with the square of its width."""
    declared = ARCHITECTURES.get(f"resnet{settings['depth']}")
    if declared is None:  # which its builder refuses
        return 0
    return round(declared.parameters * (settings["width"] / declared.settings["width"]) ** 2)
