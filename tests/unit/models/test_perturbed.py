"""A model under perturbed inputs: its logits, and its maps on the images as they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from distilscope import store
from distilscope.models import sources
from distilscope.models.perturbed import Perturbed
from distilscope.observing.capture import Tap, watching
from tests.unit.observing.making import CLASSES, PLAIN, lively, write_model

IMAGES = torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(2))


def test_it_is_a_function_of_its_input_whatever_the_batch():
    model = Perturbed(lively(PLAIN, 1), 0.1, mirrored=True, seed=3)
    with torch.no_grad():
        alone = torch.cat([model(one[None]) for one in IMAGES])
        assert torch.allclose(model(IMAGES), alone, atol=1e-5)
        assert torch.equal(model(IMAGES), model(IMAGES))


def test_the_noise_has_the_asked_for_size_and_another_seed_is_another_noise():
    seen = []
    inner = lively(PLAIN, 1)
    inner.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    for seed in (1, 2):
        Perturbed(inner, 0.1, mirrored=False, seed=seed)(IMAGES)
    noise = [(found - IMAGES).numpy() for found in seen]
    assert noise[0].std() == pytest.approx(0.1, rel=0.1)
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.1


def test_maps_and_gradients_are_those_of_the_mirrored_image_turned_back():
    inner = lively(PLAIN, 1)
    path, tap = "blocks.block2", {"whole": True, "gradient": True}
    with watching(inner, {"b": Tap(path, **tap)}) as watch:
        plain = watch(IMAGES.flip(3))
        (wanted,) = torch.autograd.grad(plain.logits[:, 1].sum(), plain.outputs["b"])
    model = Perturbed(inner, 0.0, mirrored=True, seed=0)
    with watching(model, {"b": Tap(f"model.{path}", **tap)}) as watch:
        seen = watch(IMAGES)
        (found,) = torch.autograd.grad(seen.logits[:, 1].sum(), seen.outputs["b"])
    assert torch.allclose(seen.logits, plain.logits, atol=1e-6)
    assert torch.allclose(seen.outputs["b"], plain.outputs["b"].flip(3), atol=1e-6)
    assert torch.allclose(found, wanted.flip(3), atol=1e-7)
    assert not torch.allclose(found, wanted, atol=1e-7)


def test_it_is_loaded_with_the_weights_of_its_original(tmp_path):
    original = write_model(tmp_path / "original", lively(PLAIN, 4))
    perturbed = {"noise": 0.2, "mirrored": True, "seed": 1}
    settings = {"kind": "perturbed", "architecture": PLAIN, "perturbed": perturbed}
    run = {"settings": settings, "inputs": {"original": str(original)}}
    store.write_json(tmp_path / "made" / "run.json", run)
    found = sources.load(tmp_path / "made", CLASSES)
    with torch.no_grad():
        wanted = Perturbed(lively(PLAIN, 4), **perturbed)(IMAGES)
        assert torch.equal(found(IMAGES), wanted)
