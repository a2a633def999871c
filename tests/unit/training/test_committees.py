"""Several teachers as one, against loops over images, classes and teachers in float64."""

import math

import numpy as np
import pytest
import torch

from distilscope import catalog
from distilscope.training import signals
from distilscope.training.objectives import kd
from distilscope.training.objectives.declaration import COMBINE

T, ALPHA = 3.0, 0.4


@pytest.fixture
def batch():
    random = np.random.default_rng(8)
    student = 3 * random.normal(size=(5, 4))
    teachers = 3 * random.normal(size=(3, 5, 4))
    return student, teachers, random.integers(0, 4, size=5)


def softmax(row):
    powers = [math.exp(value - max(row)) for value in row]
    return [power / sum(powers) for power in powers]


def kd_by_loop(student, teacher, labels):
    """alpha T^2 KL(teacher || student) + (1 - alpha) CE, an image and a class at a time."""
    total = 0.0
    for own, wanted, label in zip(student, teacher, labels, strict=True):
        p, q = softmax([x / T for x in wanted]), softmax([x / T for x in own])
        soft = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
        total += ALPHA * T**2 * soft - (1 - ALPHA) * math.log(softmax(own)[label])
    return total / len(labels)


def mean_of_losses(student, teachers, labels):
    return sum(kd_by_loop(student, teacher, labels) for teacher in teachers) / len(teachers)


def of_mean_logits(student, teachers, labels):
    together = [
        [sum(t[image][c] for t in teachers) / len(teachers) for c in range(4)] for image in range(5)
    ]
    return kd_by_loop(student, together, labels)


def of_mean_probabilities(student, teachers, labels):
    together = []
    for image in range(5):
        said = [softmax(teacher[image]) for teacher in teachers]
        together.append([math.log(sum(p[c] for p in said) / len(said)) for c in range(4)])
    return kd_by_loop(student, together, labels)


ORACLES = {
    "losses": mean_of_losses,
    "logits": of_mean_logits,
    "probabilities": of_mean_probabilities,
}


def committee(how):
    def one(logits, labels, teachers):
        return kd.loss(logits, labels, teachers, T=T, alpha=ALPHA)

    return signals.combined(one, how)


def tensors(batch):
    student, teachers, labels = batch
    return torch.tensor(student), torch.tensor(labels), [torch.tensor(t) for t in teachers]


@pytest.mark.parametrize("how", ORACLES)
def test_a_committee_of_three_is_the_loop_in_float64(batch, how):
    found = committee(how)(*tensors(batch)).item()
    assert found == pytest.approx(ORACLES[how](*batch), rel=1e-5)


@pytest.mark.parametrize("how", ORACLES)
def test_a_teacher_twice_is_that_teacher_once(batch, how):
    student, labels, teachers = tensors(batch)
    alone = kd.loss(student, labels, teachers[:1], T=T, alpha=ALPHA).item()
    assert committee(how)(student, labels, teachers[:1] * 2).item() == pytest.approx(alone, 1e-6)


def test_the_three_ways_differ(batch):
    found = [round(committee(how)(*tensors(batch)).item(), 4) for how in ORACLES]
    assert len(set(found)) == 3


def test_the_mean_of_probabilities_holds_where_one_of_them_is_nought_in_fp32():
    sure, unsure = torch.tensor([[0.0, 200.0]]), torch.tensor([[0.0, 0.0]])
    found = signals.mean_probabilities([sure, unsure]).exp()
    torch.testing.assert_close(found, torch.tensor([[0.25, 0.75]]))


def test_an_unknown_way_is_answered_with_the_nearest():
    with pytest.raises(catalog.UnknownName, match=r"'logit'; did you mean 'logits'"):
        signals.combined(kd.loss, "logit")


def test_what_may_be_configured_is_what_can_be_combined():
    assert set(COMBINE) == set(signals.COMBINED) == set(ORACLES)
