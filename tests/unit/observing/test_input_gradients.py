"""Saliency and integrated gradients against loops and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients, Saliency
from torch import nn

from distilscope.observing.capture import frozen
from distilscope.observing.methods import integrated_gradients, saliency

CLASSES = torch.tensor([0, 1, 2, 3, 0, 1, 2])
BLACK = torch.full((1, 3, 16, 16), -2.0)


def run_saliency(model, images):
    with frozen(model):
        return saliency.attribute(model, images, CLASSES, BLACK)


def run_integrated(model, images, steps=64, baseline=BLACK, most=None):
    with frozen(model):
        return integrated_gradients.attribute(
            model, images, CLASSES, baseline, ig_steps=steps, ig_maximum_steps=most
        )


@pytest.mark.parametrize("name", ["plain", "resnet"])
def test_saliency_equals_an_autograd_loop_over_single_images(name, request, images):
    model = request.getfixturevalue(name)
    ours = run_saliency(model, images)["map"]
    for row, (image, wanted) in enumerate(zip(images, CLASSES, strict=True)):
        pixels = image[None].clone().requires_grad_()
        model(pixels)[0, wanted].backward()
        expected = pixels.grad[0].abs().max(dim=0).values.numpy()
        np.testing.assert_allclose(ours[row], expected, rtol=1e-4, atol=1e-6 * expected.max())
    assert ours.shape == (7, 16, 16) and ours.dtype == np.float32


@pytest.mark.parametrize("name", ["plain", "resnet"])
def test_saliency_equals_captum(name, request, images):
    model = request.getfixturevalue(name)
    ours = run_saliency(model, images)["map"]
    theirs = Saliency(model).attribute(images.clone().requires_grad_(), target=CLASSES)
    np.testing.assert_allclose(ours, theirs.amax(dim=1).numpy(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("steps", [1, 5, 20, 41])
@pytest.mark.parametrize("name", ["plain", "resnet"])
def test_integrated_gradients_equal_captum(name, steps, request, images):
    """With 7 images four points of the quadrature are made at once, and the last ones are fewer."""
    model = request.getfixturevalue(name)
    ours = run_integrated(model, images, steps=steps)["map"]
    theirs = IntegratedGradients(model).attribute(
        images, baselines=BLACK, target=CLASSES, n_steps=steps
    )
    expected = theirs.sum(dim=1).detach().numpy()
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())


class Affine(nn.Module):
    """logit_c = w_c . x + c, whose integrated gradients are (x - x0) w_c exactly."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3 * 16 * 16, 4)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.linear(inputs.flatten(1))


def test_integrated_gradients_of_an_affine_model_are_its_weights_times_the_way(images):
    torch.manual_seed(0)
    model = Affine()
    found = run_integrated(model, images, steps=3)
    weight = model.linear.weight.detach().view(4, 3, 16, 16)[CLASSES]
    expected = ((images - BLACK) * weight).sum(dim=1).numpy()
    np.testing.assert_allclose(found["map"], expected, atol=1e-5)
    assert found["completeness_gap"].max() < 1e-4


def test_integrated_gradients_are_complete_and_the_recorded_gap_is_the_real_one(plain, images):
    found = run_integrated(plain, images, steps=128)
    with torch.no_grad():
        rows = torch.arange(7)
        change = (plain(images)[rows, CLASSES] - plain(BLACK)[0, CLASSES]).numpy()
    total = found["map"].astype(np.float64).sum(axis=(1, 2))
    np.testing.assert_allclose(found["completeness_delta"], total - change, atol=2e-5)
    np.testing.assert_allclose(
        found["completeness_gap"], np.abs(total - change) / np.abs(change), atol=1e-4
    )
    assert np.median(found["completeness_gap"]) < 0.02
    coarse = run_integrated(plain, images, steps=2)
    assert np.abs(coarse["completeness_delta"]).mean() > np.abs(found["completeness_delta"]).mean()


def test_the_baseline_is_what_the_map_starts_from(plain, images):
    black = run_integrated(plain, images)["map"]
    zero = run_integrated(plain, images, baseline=torch.zeros(1, 3, 16, 16))["map"]
    assert np.abs(black - zero).max() > 0.1 * np.abs(black).max()


def test_an_image_that_is_the_baseline_has_a_zero_map_and_an_undefined_gap(plain):
    found = run_integrated(plain, BLACK.repeat(7, 1, 1, 1))
    assert not found["map"].any()
    assert np.isnan(found["completeness_gap"]).all()
    np.testing.assert_allclose(found["completeness_delta"], 0, atol=1e-6)


def test_only_what_misses_completeness_is_explained_again_with_twice_the_points(resnet, images):
    rough = run_integrated(resnet, images, steps=2)
    fine = run_integrated(resnet, images, steps=2, most=15)
    missed = rough["completeness_gap"] > 0.05
    assert missed.any() and rough["steps"].tolist() == [2] * len(images)
    assert (fine["steps"][~missed] == 2).all() and (fine["steps"][missed] > 2).all()
    assert set(fine["steps"].tolist()) <= {2, 4, 8}  # 16 would be more than 15
    for row in range(len(images)):
        alone = run_integrated(resnet, images, steps=int(fine["steps"][row]))
        np.testing.assert_allclose(fine["map"][row], alone["map"][row], rtol=1e-4, atol=1e-6)
        assert fine["completeness_gap"][row] == pytest.approx(
            alone["completeness_gap"][row], rel=1e-2, abs=1e-4
        )
