"""Reverse and generalised Jensen-Shannon divergences: by hand, in float64, and as TRL has them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch

from distilscope import catalog
from distilscope.training.objectives import ce, jsd, kd, reverse_kl

from .record_trl import pair

RECORDED = json.loads((Path(__file__).parent / "trl.json").read_text())["losses"]


@pytest.fixture
def batch():
    random = np.random.default_rng(7)
    student, teacher = 3 * random.normal(size=(2, 6, 5))
    return student, teacher, random.integers(0, 5, size=6)


def loss(objective, student, teacher, labels, **parameters):
    given = torch.tensor(student), torch.tensor(labels), [torch.tensor(teacher)]
    return objective.loss(*given, **parameters).item()


def apart(p, q):
    return np.mean([scipy.stats.entropy(a, b) for a, b in zip(p, q, strict=True)])


def test_reverse_divergence_of_one_token_by_hand():
    # At T = 2 the teacher says (3/4, 1/4) and the student (1/2, 1/2).
    teacher, student = [[2 * math.log(3), 0.0]], [[0.0, 0.0]]
    divergence = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
    expected = 0.9 * 4 * divergence + 0.1 * math.log(2)
    found = loss(reverse_kl, student, teacher, [0], T=2.0, alpha=0.9)
    assert found == pytest.approx(expected, rel=1e-6)


def test_jensen_shannon_divergence_of_one_token_by_hand():
    # The teacher says (3/4, 1/4), the student (1/2, 1/2), a mixture with weight 1/2 (5/8, 3/8).
    teacher, student = [[math.log(3), 0.0]], [[0.0, 0.0]]
    of_teacher = 0.75 * math.log(6 / 5) + 0.25 * math.log(2 / 3)
    of_student = 0.5 * math.log(4 / 5) + 0.5 * math.log(4 / 3)
    found = loss(jsd, student, teacher, [0], beta=0.5, T=1.0, alpha=1.0)
    assert found == pytest.approx((of_teacher + of_student) / 2, rel=1e-6)


@pytest.mark.parametrize("T", [0.5, 1.0, 5.0])
@pytest.mark.parametrize("alpha", [0.3, 1.0])
def test_reverse_divergence_is_the_formula_in_float64(batch, T, alpha):
    student, teacher, labels = batch
    p, q = scipy.special.softmax(teacher / T, axis=1), scipy.special.softmax(student / T, axis=1)
    hard = -scipy.special.log_softmax(student, axis=1)[np.arange(6), labels].mean()
    expected = alpha * T**2 * apart(q, p) + (1 - alpha) * hard
    found = loss(reverse_kl, student, teacher, labels, T=T, alpha=alpha)
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("beta", [0.1, 0.5, 0.8])
@pytest.mark.parametrize(("T", "alpha"), [(1.0, 1.0), (2.0, 0.4)])
def test_jensen_shannon_divergence_is_the_formula_in_float64(batch, beta, T, alpha):
    student, teacher, labels = batch
    p, q = scipy.special.softmax(teacher / T, axis=1), scipy.special.softmax(student / T, axis=1)
    m = beta * p + (1 - beta) * q
    hard = -scipy.special.log_softmax(student, axis=1)[np.arange(6), labels].mean()
    divergence = beta * apart(p, m) + (1 - beta) * apart(q, m)
    expected = alpha * T**2 * divergence + (1 - alpha) * hard
    found = loss(jsd, student, teacher, labels, beta=beta, T=T, alpha=alpha)
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda each: f"b{each['beta']}-T{each['T']}")
def test_divergences_are_those_of_trl(recorded):
    """`record_trl.py`, which lies beside, wrote down what TRL gives the same logits; ours is T^2
    times that, as every soft term here.
    """
    student, teacher = pair()
    labels = torch.zeros(len(student), dtype=torch.int64)
    beta, T = recorded["beta"], recorded["T"]
    found = jsd.loss(student, labels, [teacher], beta=beta, T=T, alpha=1.0)
    assert found.item() == pytest.approx(T**2 * recorded["loss"], rel=1e-5)


@pytest.mark.parametrize(("beta", "end"), [(0.0, kd), (1.0, reverse_kl)])
def test_the_ends_of_beta_are_forward_and_reverse_divergence_bit_for_bit(batch, beta, end):
    found = loss(jsd, *batch, beta=beta, T=2.0, alpha=0.7)
    assert found == loss(end, *batch, T=2.0, alpha=0.7)


OBJECTIVES = [(reverse_kl, {"T": 2.0}), (jsd, {"beta": 0.3, "T": 2.0})]


@pytest.mark.parametrize(("objective", "parameters"), OBJECTIVES)
def test_alpha_0_is_cross_entropy_bit_for_bit_and_asks_no_teacher(batch, objective, parameters):
    logits, labels = torch.tensor(batch[0]), torch.tensor(batch[2])
    found = objective.loss(logits, labels, [], **parameters, alpha=0.0)
    assert torch.equal(found, ce.loss(logits, labels))
    assert objective.OBJECTIVE.reduced({**parameters, "alpha": 0.0}) == "ce"


@pytest.mark.parametrize(("objective", "parameters"), OBJECTIVES)
def test_a_student_that_says_what_its_teacher_says_has_no_soft_loss(batch, objective, parameters):
    teacher = batch[1]
    found = loss(objective, teacher, teacher, batch[2], **parameters, alpha=1.0)
    assert found == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(("objective", "parameters"), OBJECTIVES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_logits_are_taken_to_fp32_first(batch, objective, parameters, dtype):
    student, teacher = (torch.tensor(x).to(dtype) for x in batch[:2])
    labels = torch.tensor(batch[2])
    found = objective.loss(student, labels, [teacher], **parameters, alpha=0.5)
    widened = objective.loss(student.float(), labels, [teacher.float()], **parameters, alpha=0.5)
    assert found.dtype == torch.float32
    assert torch.equal(found, widened)


@pytest.mark.parametrize(("objective", "parameters"), OBJECTIVES)
def test_outputs_that_all_but_exclude_a_token_have_a_finite_loss_and_gradient(
    objective, parameters
):
    student = torch.tensor([[80.0, 0.0, -80.0]], requires_grad=True)
    teacher = torch.tensor([[-80.0, 0.0, 80.0]])
    found = objective.loss(student, torch.tensor([0]), [teacher], **parameters, alpha=1.0)
    found.backward()
    assert math.isfinite(found.item())
    assert torch.isfinite(student.grad).all()


@pytest.mark.parametrize(("objective", "parameters"), OBJECTIVES)
def test_two_teachers_are_refused(batch, objective, parameters):
    teacher = torch.tensor(batch[1])
    with pytest.raises(ValueError, match="exactly one teacher, got 2"):
        objective.loss(teacher, torch.tensor(batch[2]), [teacher] * 2, **parameters, alpha=0.5)


def test_the_catalogue_has_both():
    assert catalog.OBJECTIVES["reverse-kl"] is reverse_kl.OBJECTIVE
    assert catalog.OBJECTIVES["jsd"].columns({"beta": 0.5, "T": 1.0, "alpha": 1.0}) == {
        "T": 1.0,
        "alpha": 1.0,
        "beta": 0.5,
    }
