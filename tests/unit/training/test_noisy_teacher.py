"""Distillation from disturbed logits."""

from __future__ import annotations

import pytest
import torch

from distilscope import catalog
from distilscope.training.objectives import kd, kd_noisy


def batch():
    draw = torch.Generator().manual_seed(4)
    student, teacher = torch.randn(2, 400, 7, generator=draw)
    return student, torch.arange(400) % 7, [teacher]


def test_the_noise_is_normal_of_its_standard_deviation_and_drawn_anew(monkeypatch):
    seen = []
    monkeypatch.setattr(kd, "loss", lambda s, y, teachers, **rest: seen.append(teachers[0]))
    given = batch()
    torch.manual_seed(0)
    for _ in range(2):
        kd_noisy.loss(*given, T=1.0, alpha=1.0, sigma=3.0)
    first, second = ((each - given[2][0]) / 3 for each in seen)
    assert not torch.equal(first, second)
    assert first.mean().item() == pytest.approx(0, abs=4 / 2800**0.5)
    assert first.std().item() == pytest.approx(1, abs=4 / 5600**0.5)


def test_the_same_seed_gives_the_same_noise_but_for_its_strength():
    given, losses = batch(), []
    for sigma in (1.0, 1.0, 2.0):
        torch.manual_seed(7)
        losses.append(kd_noisy.loss(*given, T=2.0, alpha=0.9, sigma=sigma).item())
    torch.manual_seed(7)
    disturbed = [given[2][0] + 2 * torch.randn(400, 7)]
    assert losses[0] == losses[1] != losses[2]
    assert losses[2] == kd.loss(*given[:2], disturbed, T=2.0, alpha=0.9).item()


def test_without_noise_a_condition_is_that_of_kd():
    declared = catalog.OBJECTIVES["kd-noisy"]
    assert declared.reduced({"T": 1.0, "alpha": 1.0, "sigma": 0.0}) == "kd"
    assert declared.reduced({"T": 1.0, "alpha": 0.0, "sigma": 1.0}) == "ce"
    given = batch()
    assert kd_noisy.loss(*given, T=4.0, alpha=0.9, sigma=0.0).equal(
        kd.loss(*given, T=4.0, alpha=0.9)
    )
