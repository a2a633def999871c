"""Outputs that are probabilities are told from logits, in whatever precision they come."""

from __future__ import annotations

import pytest
import torch

from distilscope.models.probabilities import are_log_probabilities, are_probabilities

TYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
KEPT = pytest.mark.parametrize("kept", [True, False], ids=["as it is", "brought to fp32"])


def logits(classes, spread):
    return spread * torch.randn(500, classes, generator=torch.Generator().manual_seed(0))


@KEPT
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("classes", [2, 10, 1000])
@pytest.mark.parametrize("spread", [0.1, 3.0, 30.0])
def test_a_softmax_is_noticed_in_every_precision(kept, dtype, classes, spread):
    found = logits(classes, spread).to(dtype).softmax(dim=1)
    assert are_probabilities(found if kept else found.float())


@KEPT
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_a_softmax_by_hand_and_its_logarithm_are_noticed(kept, dtype, classes):
    powers = logits(classes, 1.0).to(dtype).exp()  # within what fp16 holds
    found = powers / powers.sum(dim=1, keepdim=True)
    said = logits(classes, 3.0).to(dtype).log_softmax(dim=1)
    assert are_probabilities(found if kept else found.float())
    assert are_log_probabilities(said if kept else said.float())


@KEPT
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_logits_are_not_taken_for_probabilities(kept, dtype, classes):
    """Those that are never negative, and whose sums are near 1, as of a ReLU or a sigmoid."""
    scores = logits(classes, 1.0)
    near = scores.softmax(dim=1) * torch.linspace(0.97, 1.03, 500)[:, None]
    for found in (scores, scores.relu(), scores.sigmoid(), near):
        rounded = found.to(dtype)
        rounded = rounded if kept else rounded.float()
        assert not are_probabilities(rounded)
        assert not are_log_probabilities(rounded)


def test_in_fp32_a_sum_that_half_precision_would_explain_is_no_sum_of_1():
    off = logits(10, 1.0).softmax(dim=1) * 1.001
    assert not are_probabilities(off)
    assert are_probabilities(off.to(torch.bfloat16))
