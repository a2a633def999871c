"""GradCAM against captum, a one-image loop, its closed form and a value worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn
from torchvision.models.swin_transformer import SwinTransformer

from distilscope.observing.capture import Tap, watching
from distilscope.observing.classes import ABSENT
from distilscope.observing.grams import gap
from distilscope.observing.layer_maps import attribute, check_head
from distilscope.observing.methods import gradcam
from distilscope.observing.methods.gradcam import closed_form, from_gradient

NETS = {
    "plain": (("block3", "blocks.block3"), ("block2", "blocks.block2"), "head"),
    "resnet": (("layer4", "layer4"), ("layer3", "layer3"), "fc"),
}


def maps_of(model, images, layers, classes, head=None):
    """layer -> {(row, class): map} of every map that `attribute` gives."""
    closed = layers[0][0] if head else None
    taps = {name: Tap(path, whole=True, gradient=name != closed) for name, path in layers}
    with watching(model, taps) as watch:
        seen = watch(images)
        heads = {closed: model.get_submodule(head).weight} if head else {}
        found = list(attribute(seen, classes, {"gradcam": gradcam}, heads))
    return {
        name: {
            (int(row), int(c)): (part.rank, image)
            for part in found
            if part.layer == name
            for row, c, image in zip(part.rows, part.classes, part.maps, strict=True)
        }
        for name, _ in layers
    }


def relative(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


# Rows with one, two and three distinct classes.
CLASSES = np.array(
    [[0, ABSENT, ABSENT], [1, 3, ABSENT], [2, 0, 1], [3, ABSENT, ABSENT], [0, 1, ABSENT], [1, 2, 0],
     [3, 0, 2]]
)  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_the_closed_form_equals_the_gradient_at_the_last_block(name, request, images):
    model = request.getfixturevalue(name)
    last, before, head = NETS[name]
    closed = maps_of(model, images, (last, before), CLASSES, head)
    traced = maps_of(model, images, (last, before), CLASSES)
    assert closed.keys() == traced.keys()
    for layer in closed:
        assert closed[layer].keys() == traced[layer].keys()
        for key, (_, ours) in closed[layer].items():
            assert relative(ours, traced[layer][key][1]) <= 1e-5


@pytest.mark.parametrize("head", [True, False])
@pytest.mark.parametrize("name", NETS)
def test_maps_equal_captum_at_the_last_block_and_the_one_before(name, head, request, images):
    model = request.getfixturevalue(name)
    last, before, head_path = NETS[name]
    ours = maps_of(model, images, (last, before), CLASSES, head_path if head else None)
    for layer, path in (last, before):
        oracle = LayerGradCam(model, model.get_submodule(path))
        assert len(ours[layer]) == (CLASSES != ABSENT).sum()
        for (row, wanted), (_, image) in ours[layer].items():
            theirs = oracle.attribute(images[row : row + 1], target=wanted, relu_attributions=False)
            assert image.shape == theirs.shape[2:]
            assert relative(image, theirs[0, 0].detach()) <= 1e-5


def test_every_map_carries_the_rank_of_its_class(plain, images):
    found = maps_of(plain, images, (NETS["plain"][0], NETS["plain"][1]), CLASSES, "head")
    for layer in ("block3", "block2"):
        for (row, wanted), (rank, _) in found[layer].items():
            assert CLASSES[row, rank] == wanted


def test_maps_of_two_classes_of_an_image_differ(plain, images):
    found = maps_of(plain, images, (NETS["plain"][0], NETS["plain"][1]), CLASSES, "head")
    for layer in ("block3", "block2"):
        assert relative(found[layer][2, 0][1], found[layer][2, 1][1]) > 0.01


def test_a_map_worked_by_hand():
    # Two channels on 2 x 2; the head adds channel 0 and takes twice channel 1 away.
    activations = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [0.0, 3.0]]]])
    expected = torch.tensor([[[0.25, 0.0], [0.75, -0.5]]])
    weights = torch.tensor([[1.0, -2.0]])
    assert torch.equal(closed_form(activations, weights), expected)
    # The gradient of channel 0 sums to 1 and of channel 1 to -2: the same means, the same map.
    gradients = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]], [[-3.0, 1.0], [0.0, 0.0]]]])
    assert torch.equal(from_gradient(activations, gradients), expected)


def test_frozen_parameters_get_no_gradients(plain, images):
    plain.zero_grad(set_to_none=True)
    maps_of(plain, images, (NETS["plain"][0], NETS["plain"][1]), CLASSES)
    assert all(parameter.grad is None for parameter in plain.parameters())


class TwoLayerHead(nn.Module):
    """Max-pooling, where the closed form doesn't hold."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 5, 3)
        self.head = nn.Linear(5, 4)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(inputs).amax(dim=(2, 3)))


def test_a_head_that_is_not_behind_average_pooling_is_refused(images):
    model = TwoLayerHead()
    with watching(model, {"body": Tap("body", whole=True)}) as watch:
        seen = watch(images)
    with pytest.raises(
        ValueError, match=r"'head' over the average-pooled layer 'body'.*head: null"
    ):
        check_head(seen, "body", model.head, "head")


def test_a_head_that_is_not_linear_or_does_not_fit_is_refused(plain, images):
    with watching(plain, {"block2": Tap("blocks.block2", whole=True)}) as watch:
        seen = watch(images)
    with pytest.raises(ValueError, match="is a Sequential, not a linear layer"):
        check_head(seen, "block2", plain.blocks, "blocks")
    with pytest.raises(ValueError, match="doesn't give the model's"):
        check_head(seen, "block2", plain.head, "head")


@pytest.mark.parametrize("name", NETS)
def test_the_declared_head_of_our_own_networks_is_accepted(name, request, images):
    model = request.getfixturevalue(name)
    (layer, path), _, head = NETS[name]
    with watching(model, {layer: Tap(path, whole=True)}) as watch:
        check_head(watch(images), layer, model.get_submodule(head), head)


def test_maps_of_a_layer_with_its_channels_last_are_those_over_its_two_sides():
    """A swin transformer's (N, H, W, C), against the definition written out by hand."""
    torch.manual_seed(0)
    model = SwinTransformer([4, 4], 12, [1, 1], [2, 2], [4, 4], num_classes=5).eval()
    images = torch.randn(3, 3, 32, 32)
    taps = {"late": Tap("features.3", {"gap": gap}, whole=True, gradient=True)}
    with watching(model, taps) as watch:
        seen = watch(images)
        (found,) = attribute(seen, np.array([[2], [0], [4]]), {"gradcam": gradcam})
    activations = model.features(images)  # (3, 4, 4, 24)
    pooled = model.permute(model.norm(activations)).mean(dim=(2, 3))
    logits = model.head(pooled)
    (gradient,) = torch.autograd.grad(logits[range(3), [2, 0, 4]].sum(), activations)
    by_hand = (gradient.mean(dim=(1, 2), keepdim=True) * activations).sum(dim=3)
    torch.testing.assert_close(seen.logits, logits)
    torch.testing.assert_close(found.maps, by_hand, rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(seen.summaries["late"]["gap"], activations.mean(dim=(1, 2)))
