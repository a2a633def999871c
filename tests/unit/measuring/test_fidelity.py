import numpy as np
import pytest
import torch
from scipy import spatial, stats

from distilscope.analyses.outputs import fidelity


@pytest.fixture
def pair():
    generator = np.random.default_rng(0)
    return generator.standard_normal((2, 40, 6)) * 4


def test_kl_follows_the_name_of_its_direction(pair):
    student, teacher = map(torch.from_numpy, pair)
    expected = torch.nn.functional.kl_div(
        torch.log_softmax(student, 1), torch.softmax(teacher, 1), reduction="none"
    ).sum(1)
    np.testing.assert_allclose(fidelity.kl_teacher_student(*pair), expected.numpy(), atol=1e-12)
    np.testing.assert_allclose(
        fidelity.kl_student_teacher(*pair), fidelity.kl_teacher_student(*pair[::-1]), atol=1e-12
    )
    assert np.any(np.abs(fidelity.kl_student_teacher(*pair) - expected.numpy()) > 0.1)


def test_equal_logits_have_no_divergence(pair):
    for measure in (fidelity.kl_teacher_student, fidelity.js):
        np.testing.assert_allclose(measure(pair[0], pair[0] + 3.0), 0.0, atol=1e-12)


def test_js_equals_scipys_squared_distance_and_is_bounded(pair):
    first, second = (torch.softmax(torch.from_numpy(x), 1).numpy() for x in pair)
    expected = [
        spatial.distance.jensenshannon(p, q) ** 2 for p, q in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(fidelity.js(*pair), expected, atol=1e-10)
    apart = fidelity.js(np.array([[500.0, 0.0]]), np.array([[0.0, 500.0]]))
    assert apart[0] == pytest.approx(np.log(2))


def test_agreement_by_hand():
    student = np.array([[2.0, 1.0], [0.0, 1.0]])
    teacher = np.array([[9.0, 1.0], [3.0, 1.0]])
    assert fidelity.agreement(student, teacher).tolist() == [1.0, 0.0]


def test_chance_agreement_is_what_independent_errors_give():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 10, 200_000)

    def predictions(accuracy):
        wrong = (labels + generator.integers(1, 10, len(labels))) % 10
        return np.where(generator.random(len(labels)) < accuracy, labels, wrong)

    agreed = np.mean(predictions(0.9) == predictions(0.7))
    assert fidelity.chance_agreement(0.9, 0.7, 10) == pytest.approx(agreed, abs=0.003)


def test_kappa_by_hand():
    # a textbook table: both yes 20, both no 15, 5 and 10 apart: kappa 0.4
    found = fidelity.kappa(np.array(0.7), np.array([0.5, 0.5]), np.array([0.6, 0.4]))
    assert found == pytest.approx(0.4)
    assert np.isnan(fidelity.kappa(np.array(1.0), np.array([1.0, 0.0]), np.array([1.0, 0.0])))


def test_logit_rho_equals_scipy_and_without_the_top_class_too(pair):
    student, teacher = pair
    for i in range(40):
        expected = stats.spearmanr(student[i], teacher[i]).statistic
        assert fidelity.logit_rho(*pair)[i] == pytest.approx(expected, abs=1e-12)
        rest = [c for c in range(6) if c != teacher[i].argmax()]
        expected = stats.spearmanr(student[i, rest], teacher[i, rest]).statistic
        assert fidelity.logit_rho_rest(*pair)[i] == pytest.approx(expected, abs=1e-12)


def test_two_classes_have_no_order_of_the_rest():
    logits = np.array([[1.0, 0.0]])
    assert np.isnan(fidelity.logit_rho_rest(logits, logits)).all()
