"""GradCAM at the layers that are proposed of networks of other people, against captum.

captum averages over what stands behind the channels, so that the module it looks at is one that is
put in: it turns an output as the network's paper says (tokens behind a class token, channels last),
and turns it back.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn
from torch.nn import functional as F
from torchvision.models import ConvNeXt, DenseNet, SwinTransformer, VisionTransformer, get_model
from torchvision.models.convnext import CNBlockConfig

from distilscope.models.layers import propose
from distilscope.observing.capture import Tap, watching
from distilscope.observing.layer_maps import attribute, check_head
from distilscope.observing.methods import gradcam

CLASSES = np.array([[2, 0], [1, 3], [4, 2]])


class Late(nn.Module):
    """What stands between the mean of the last map and the head is `between`."""

    def __init__(self, between) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 6, 3, 2, 1), nn.Conv2d(6, 8, 3, 2, 1)
        self.head, self.between = nn.Linear(8, 5), between
        with torch.no_grad():  # of noise, the means of all channels are about 1
            self.last.weight *= 8
            means = self.last(self.first(torch.randn(8, 3, 32, 32)).relu()).mean(dim=(0, 2, 3))
            self.last.bias += 1.0 - means

    def forward(self, images):
        return self.head(self.between(self.last(self.first(images).relu()).mean(dim=(2, 3))))


def vision_transformer() -> nn.Module:
    model = VisionTransformer(32, 8, 3, 2, 24, 48, num_classes=5)
    nn.init.normal_(model.heads.head.weight)  # torchvision begins with zeros
    return model


def convnext() -> nn.Module:
    return ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)], num_classes=5)


NETWORKS = {  # what makes it, side of its input, layout of its blocks, head with a closed form
    "resnet18": (lambda: get_model("resnet18", num_classes=5), 64, "first", "fc"),
    "mobilenet_v2": (lambda: get_model("mobilenet_v2", num_classes=5), 64, "first", "classifier.1"),
    "shufflenet": (lambda: get_model("shufflenet_v2_x0_5", num_classes=5), 64, "first", "fc"),
    "regnet": (lambda: get_model("regnet_x_400mf", num_classes=5), 64, "first", "fc"),
    "densenet": (lambda: DenseNet(8, (2, 2), 8, num_classes=5), 32, "first", None),  # a ReLU
    "convnext": (convnext, 64, "first", None),  # a LayerNorm
    "swin": (lambda: SwinTransformer([4, 4], 12, [1, 1], [2, 2], [4, 4], num_classes=5),
             32, "last", "head"),
    "vision transformer": (vision_transformer, 32, "tokens", None),
    "nothing between": (lambda: Late(nn.Identity()), 32, "first", "head"),
    "a ReLU between": (lambda: Late(F.relu), 32, "first", None),
    "a clamp between": (lambda: Late(nn.Hardtanh(-2.5, 2.5)), 32, "first", None),
}  # fmt: skip


class Turned(nn.Module):
    """A module of a network, and inside it `map`, which puts out the same with channels first."""

    def __init__(self, inner: nn.Module, layout: str) -> None:
        super().__init__()
        self.inner, self.layout, self.map = inner, layout, nn.Identity()

    def forward(self, *given):
        output = self.inner(*given)
        if self.layout == "last" and output.shape[1] == output.shape[2]:
            return self.map(output.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        if self.layout == "tokens":
            side = int((output.shape[1] - 1) ** 0.5)
            grid = output[:, 1:].reshape(len(output), side, side, -1).permute(0, 3, 1, 2)
            back = self.map(grid).permute(0, 2, 3, 1).reshape(len(output), side * side, -1)
            return torch.cat([output[:, :1], back], dim=1)
        return self.map(output)


def of_captum(model, path, layout, images) -> dict[tuple[int, int], torch.Tensor]:
    """(image, class) -> its map at the module of that path."""
    parent, _, name = path.rpartition(".")
    holder, inner = model.get_submodule(parent), model.get_submodule(path)
    turned = Turned(inner, layout)
    setattr(holder, name, turned)
    try:
        oracle = LayerGradCam(model, turned.map)
        return {
            (row, wanted): oracle.attribute(
                images[row : row + 1], target=wanted, relu_attributions=False
            )[0, 0].detach()
            for row, classes in enumerate(CLASSES.tolist())
            for wanted in classes
        }
    finally:
        setattr(holder, name, inner)


OF_TIMM = {  # layout and head
    "test_resnet": ("first", "fc"),
    "test_nfnet": ("first", "head.fc"),
    "test_coatnet": ("first", "head.fc"),
    "test_vit": ("tokens", None),
}


def of_timm(name: str):
    """What makes a small network of timm, the side of its input, and the rest."""
    timm = pytest.importorskip("timm", reason="the optional extra timm is not installed")
    return (lambda: timm.create_model(name, num_classes=5), 160, *OF_TIMM[name])


def prepared(make, side: int) -> tuple[nn.Module, torch.Tensor]:
    """A network whose normalisation knows its inputs, and images."""
    torch.manual_seed(0)
    model, images = make(), torch.randn(3, 3, side, side)
    with torch.no_grad():
        for _ in range(3):
            model.train()(torch.randn(8, 3, side, side))
    return model.eval(), images


@pytest.mark.parametrize("name", [*NETWORKS, *OF_TIMM])
def test_maps_at_proposed_layers_are_captums_by_the_closed_form_or_the_gradient(name):
    make, side, layout, head = NETWORKS[name] if name in NETWORKS else of_timm(name)
    model, images = prepared(make, side)
    found = propose(model, torch.randn(2, *images.shape[1:]))
    assert found.head == head
    paths = {layer: found.compared[layer] for layer in found.maps}
    closed = found.maps[0] if found.head else None
    taps = {layer: Tap(p, whole=True, gradient=layer != closed) for layer, p in paths.items()}
    with watching(model, taps) as watch:
        seen = watch(images)
        heads = {}
        if closed:
            check_head(seen, closed, model.get_submodule(head), head)
            heads = {closed: model.get_submodule(head).weight}
        maps = list(attribute(seen, CLASSES, {"gradcam": gradcam}, heads))
    for layer, path in paths.items():
        expected = of_captum(model, path, layout, images)
        ours = {
            (int(row), int(wanted)): image
            for part in maps
            if part.layer == layer
            for row, wanted, image in zip(part.rows, part.classes, part.maps, strict=True)
        }
        assert ours.keys() == expected.keys()
        for key, image in ours.items():
            torch.testing.assert_close(
                image, expected[key], rtol=1e-4, atol=1e-5 * float(expected[key].abs().max())
            )
