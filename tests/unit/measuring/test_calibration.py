import math

import numpy as np
import pytest
import torch
from scipy import special

from distilscope.analyses.outputs import calibration
from distilscope.analyses.outputs.calibration import Confidences


def _calibrated(n=2000, seed=0):
    generator = np.random.default_rng(seed)
    confidence = generator.beta(8, 1, n)
    return Confidences(confidence, (generator.random(n) < confidence).astype(float))


def test_ece_by_hand():
    # bins of (0.2, 0.4] and (0.8, 1.0]: |0.3 - 0.5| * 2/4 + |0.9 - 1| * 2/4
    data = Confidences(np.array([0.3, 0.3, 0.85, 0.95]), np.array([1.0, 0.0, 1.0, 1.0]))
    assert calibration.ece(data, 5) == pytest.approx(0.15)


def test_confidences_of_exactly_zero_and_one_have_bins():
    data = Confidences(np.array([1.0, 1.0, 0.0, 0.6]), np.array([1.0, 0.0, 0.0, 0.0]))
    # bin 15: |1 - 0.5| * 2/4; bin 1: 0; bin 9: 0.6 * 1/4
    assert calibration.ece(data) == pytest.approx(0.25 + 0.15)
    assert calibration.equal_width_bins(data.confidence).tolist() == [14, 14, 0, 8]


def test_bins_are_closed_on_the_right():
    edges = np.linspace(0, 1, 16)
    assert calibration.equal_width_bins(edges).tolist() == [0, *range(15)]
    above = np.nextafter(edges[1:-1], 1)
    assert calibration.equal_width_bins(above).tolist() == list(range(1, 15))


def test_ece_equals_a_brute_force_loop_over_bins():
    data = _calibrated(500)
    total = 0.0
    for i in range(15):
        inside = (data.confidence > i / 15) & (data.confidence <= (i + 1) / 15)
        if inside.any():
            gap = abs(data.confidence[inside].mean() - data.correct[inside].mean())
            total += inside.mean() * gap
    assert calibration.ece(data) == pytest.approx(total, abs=1e-12)


def test_equal_mass_bins_differ_by_one_image_at_most_even_with_ties():
    counts = np.bincount(calibration.equal_mass_bins(np.ones(100), 15), minlength=15)
    assert counts.max() - counts.min() <= 1
    assert counts.min() > 0


def test_equal_mass_ece_by_hand():
    data = Confidences(np.array([0.9, 0.1, 0.2, 0.8]), np.array([1.0, 1.0, 0.0, 1.0]))
    # bins {0.1, 0.2} and {0.8, 0.9}: |0.15 - 0.5| / 2 + |0.85 - 1| / 2
    assert calibration.ece_equal_mass(data, 2) == pytest.approx(0.25)


def test_debiased_l2_by_hand():
    # one bin: conf 0.9, accuracy 0.5, n 4: 0.16 - 0.25 / 3
    data = Confidences(np.full(4, 0.9), np.array([1.0, 1.0, 0.0, 0.0]))
    assert calibration.debiased_l2(data, 1) == pytest.approx(math.sqrt(0.16 - 0.25 / 3))


def test_debiased_l2_is_nearer_to_zero_than_the_plugin_for_a_calibrated_model():
    squares, plain = [], []
    for seed in range(20):
        data = _calibrated(300, seed)
        squares.append(calibration.debiased_l2(data) ** 2)
        bins = calibration.equal_mass_bins(data.confidence)
        gaps = calibration.gaps_by_bin(data, bins).sum(axis=0)
        plain.append(float(np.sum(gaps**2 / np.bincount(bins))) / 300)
    assert np.mean(squares) < 0.6 * np.mean(plain)


def test_noise_floor_of_a_calibrated_model_is_its_mean_ece():
    confidence = _calibrated(1000).confidence
    mean, high = calibration.noise_floor(confidence, simulations=300)
    # published table for Beta(8, 1) at n = 1,000
    assert mean == pytest.approx(0.020, abs=0.003)
    generator = np.random.default_rng(9)
    draws = [
        calibration.ece(Confidences(confidence, (generator.random(1000) < confidence) * 1.0))
        for _ in range(300)
    ]
    assert mean == pytest.approx(np.mean(draws), abs=0.001)
    assert high == pytest.approx(np.quantile(draws, 0.95), abs=0.002)


def test_nll_and_brier_equal_torch():
    generator = np.random.default_rng(0)
    logits, labels = generator.standard_normal((50, 7)) * 5, generator.integers(0, 7, 50)
    expected = torch.nn.functional.cross_entropy(
        torch.from_numpy(logits), torch.from_numpy(labels), reduction="none"
    )
    np.testing.assert_allclose(calibration.nll(logits, labels), expected.numpy(), atol=1e-12)
    probabilities = torch.softmax(torch.from_numpy(logits), 1)
    one_hot = torch.nn.functional.one_hot(torch.from_numpy(labels), 7)
    squared = ((probabilities - one_hot) ** 2).sum(1).numpy()
    np.testing.assert_allclose(calibration.brier(logits, labels), squared, atol=1e-12)


def test_saturated_logits_in_float32_stay_finite_and_below_one():
    logits = np.array([[20.0, 0.0], [200.0, 0.0]], np.float32)
    data = Confidences.of(logits, np.array([0, 0]))
    assert data.confidence[0] < 1.0
    assert data.confidence[1] == 1.0
    assert np.isfinite(calibration.nll(logits, np.array([1, 1]))).all()


def test_reliability_counts_every_image_and_empty_bins_are_nan():
    data = _calibrated(100)
    table = calibration.reliability(data)
    assert table.n.sum() == 100
    assert np.isnan(table.accuracy[table.n == 0]).all()
    used = table.n > 0
    gap = np.abs(table.confidence - table.accuracy)[used] @ table.n[used] / 100
    assert gap == pytest.approx(calibration.ece(data))


def test_a_fitted_temperature_undoes_a_known_scaling():
    generator = np.random.default_rng(0)
    logits = generator.standard_normal((20_000, 5)) * 2
    labels = (special.softmax(logits, axis=1).cumsum(1) > generator.random((20_000, 1))).argmax(1)
    assert calibration.fit_temperature(3 * logits, labels) == pytest.approx(3.0, rel=0.03)


def test_a_fitted_temperature_is_a_minimum_of_the_nll():
    generator = np.random.default_rng(1)
    logits, labels = generator.standard_normal((300, 4)) * 3, generator.integers(0, 4, 300)
    logits[np.arange(300), labels] += 1.5
    fitted = calibration.fit_temperature(logits, labels)
    best = calibration.nll(logits / fitted, labels).mean()
    for factor in (0.98, 1.02):
        assert calibration.nll(logits / (fitted * factor), labels).mean() > best


def test_logits_that_are_always_wrong_or_always_right_end_at_a_bound():
    labels = np.random.default_rng(1).integers(0, 4, 300)
    never = calibration.fit_temperature(-np.eye(4)[labels], labels)
    always = calibration.fit_temperature(np.eye(4)[labels], labels)
    assert never == calibration.TEMPERATURES[1]
    assert always == calibration.TEMPERATURES[0]
    assert calibration.at_bound(never)
    assert calibration.at_bound(always)
    assert not calibration.at_bound(1.3)


def test_no_images_have_no_temperature():
    with pytest.raises(ValueError, match="without images"):
        calibration.fit_temperature(np.empty((0, 3)), np.empty(0, int))
