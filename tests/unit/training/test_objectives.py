import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch

from distilscope.training.objectives import ce, kd, logit_matching


@pytest.fixture
def batch():
    random = np.random.default_rng(4)
    student, teacher = 3 * random.normal(size=(2, 6, 5))
    return student, teacher, random.integers(0, 5, size=6)


def loss(student, teacher, labels, **parameters):
    return kd.loss(
        torch.tensor(student), torch.tensor(labels), [torch.tensor(teacher)], **parameters
    ).item()


def test_cross_entropy_of_two_images_by_hand():
    logits = torch.tensor([[0.0, math.log(3)], [math.log(4), 0.0]])
    found = ce.loss(logits, torch.tensor([1, 1]))
    assert found.item() == pytest.approx((math.log(4 / 3) + math.log(5)) / 2, rel=1e-6)


def test_distillation_of_one_image_by_hand():
    # At T = 2 the teacher says (3/4, 1/4) and the student (1/2, 1/2).
    teacher, student = [[2 * math.log(3), 0.0]], [[0.0, 0.0]]
    divergence = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    expected = 0.9 * 4 * divergence + 0.1 * math.log(2)
    assert loss(student, teacher, [0], T=2.0, alpha=0.9) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("T", [0.5, 1.0, 4.0, 20.0])
@pytest.mark.parametrize("alpha", [0.1, 0.9, 1.0])
def test_distillation_is_the_formula_in_float64(batch, T, alpha):
    student, teacher, labels = batch
    soft = [
        scipy.stats.entropy(scipy.special.softmax(t / T), scipy.special.softmax(s / T))
        for t, s in zip(teacher, student, strict=True)
    ]
    hard = -scipy.special.log_softmax(student, axis=1)[np.arange(6), labels]
    expected = alpha * T**2 * np.mean(soft) + (1 - alpha) * np.mean(hard)
    assert loss(student, teacher, labels, T=T, alpha=alpha) == pytest.approx(expected, rel=1e-5)


def test_alpha_0_is_cross_entropy_bit_for_bit_and_asks_no_teacher(batch):
    logits, labels = torch.tensor(batch[0]), torch.tensor(batch[2])
    assert torch.equal(kd.loss(logits, labels, [], T=4.0, alpha=0.0), ce.loss(logits, labels))


@pytest.mark.parametrize("T", [1.0, 3.0])
def test_a_student_that_says_what_its_teacher_says_has_no_soft_loss(batch, T):
    teacher = batch[1]
    assert loss(teacher, teacher, batch[2], T=T, alpha=1.0) == 0.0


def test_the_soft_gradient_keeps_its_size_at_high_temperature(batch):
    """T^2 makes the limit of the gradient the difference of centred logits / classes (Hinton)."""
    teacher, labels = torch.tensor(batch[1]), torch.tensor(batch[2])
    student = torch.tensor(batch[0], requires_grad=True)
    kd.loss(student, labels, [teacher], T=500.0, alpha=1.0).backward()
    apart = (student - student.mean(1, keepdim=True)) - (teacher - teacher.mean(1, keepdim=True))
    torch.testing.assert_close(student.grad, apart.detach() / (5 * 6), rtol=0.05, atol=2e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_logits_are_taken_to_fp32_first(batch, dtype):
    student, teacher = (torch.tensor(x).to(dtype) for x in batch[:2])
    labels = torch.tensor(batch[2])
    found = kd.loss(student, labels, [teacher], T=4.0, alpha=0.5)
    assert found.dtype == torch.float32
    widened = kd.loss(student.float(), labels, [teacher.float()], T=4.0, alpha=0.5)
    assert torch.equal(found, widened)
    assert torch.equal(ce.loss(student, labels), ce.loss(student.float(), labels))


def test_two_teachers_are_refused(batch):
    teacher = torch.tensor(batch[1])
    with pytest.raises(ValueError, match="exactly one teacher, got 2"):
        kd.loss(teacher, torch.tensor(batch[2]), [teacher, teacher], T=1.0, alpha=0.5)


@pytest.mark.parametrize("alpha", [0.3, 1.0])
def test_logit_matching_is_the_loop_over_images_and_classes(batch, alpha):
    student, teacher, labels = batch
    squares = [
        (s - t) ** 2 for own, other in zip(student, teacher, strict=True)
        for s, t in zip(own, other, strict=True)
    ]  # fmt: skip
    hard = -scipy.special.log_softmax(student, axis=1)[np.arange(6), labels]
    expected = alpha * sum(squares) / 30 + (1 - alpha) * np.mean(hard)
    given = torch.tensor(student), torch.tensor(labels)
    found = logit_matching.loss(*given, [torch.tensor(teacher)], alpha=alpha)
    assert found.item() == pytest.approx(expected, rel=1e-5)
    assert torch.equal(logit_matching.loss(*given, [], alpha=0.0), ce.loss(*given))
    with pytest.raises(ValueError, match="exactly one teacher"):
        logit_matching.loss(*given, [torch.tensor(teacher)] * 2, alpha=alpha)
