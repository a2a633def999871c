"""Detectors on made records: what is there is found, what is not is not, numbers by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from distilscope.analyses.shortcuts.detection import (
    FEW,
    NO_SPREAD,
    Demands,
    class_means,
    judge_alignment,
    judge_masking,
    relative,
    wilson,
)

CLASSES = 10
DEMANDS = Demands(minimum=20, effect=4.0, rate=0.05, permutations=500, seed=0)


def records(seed, planted=None, drop=0.4, images=60, lower=0.15):
    """Student (n,), three twins (3, n) and labels: a small student lies lower in every class."""
    generator = np.random.default_rng(seed)
    label = np.repeat(np.arange(CLASSES), images)
    ceiling = generator.uniform(0.5, 0.9, CLASSES)[label]
    own = generator.normal(0, 0.04, (4, CLASSES))[:, label]  # models differ from class to class
    scores = ceiling + own + generator.normal(0, 0.15, (4, len(label)))
    scores[0] -= lower
    if planted is not None:
        scores[0, label == planted] -= drop
    return scores[0], scores[1:], label


def alignment(student, twins, label, **changes):
    demands = Demands(**{**vars(DEMANDS), **changes})
    return judge_alignment(student, twins, label, CLASSES, demands)


def test_a_planted_class_is_found_and_no_other():
    found = [alignment(*records(seed, planted=seed % CLASSES)).flagged for seed in range(40)]
    hits = sum(flags[seed % CLASSES] for seed, flags in enumerate(found))
    others = sum(flags.sum() for flags in found) - hits
    assert hits >= 36
    assert others <= 2


def test_without_a_planting_next_to_nothing_is_flagged():
    flags = [alignment(*records(100 + seed)).flagged.sum() for seed in range(40)]
    assert sum(flags) <= 2  # of 400 classes


def test_lowering_a_student_in_every_class_changes_nothing():
    student, twins, label = records(3, planted=4)
    first, second = alignment(student, twins, label), alignment(student - 0.3, twins, label)
    assert np.allclose(first.effect, second.effect)
    assert np.array_equal(first.flagged, second.flagged)
    assert np.allclose(first.p, second.p)


def test_a_class_that_no_model_agrees_on_is_no_shortcut():
    student, twins, label = records(5)
    student[label == 7] -= 0.4
    twins[:, label == 7] -= 0.4
    assert not alignment(student, twins, label).flagged.any()


def test_the_statistic_is_what_the_page_says_by_hand():
    label = np.arange(3).repeat(2)
    student = np.array([0.5, 0.5, 0.6, 0.6, 0.1, 0.1])
    twins = np.array([[0.7] * 6, [0.8, 0.8, 0.6, 0.6, 0.7, 0.7], [0.9, 0.9, 0.8, 0.8, 0.7, 0.7]])
    demands = Demands(minimum=2, effect=1, rate=0.05, permutations=100, seed=0)
    found = judge_alignment(student, twins, label, 3, demands)
    assert found.value == pytest.approx([-0.3, -0.1, -0.6])
    assert found.relative == pytest.approx([0.05, 0.35, -0.4])
    # twins against the mean of the other two, by class: relative to the median of the others
    by_twin = np.array([[-0.15, 0.0, 0.0], [0.0, -0.15, 0.0], [0.15, 0.15, 0.0]])
    rel = np.array([[row[c] - np.median(np.delete(row, c)) for c in range(3)] for row in by_twin])
    spread = np.sqrt((rel**2).mean())
    own = [1.4826 * np.median(pair) for pair in ([0.35, 0.4], [0.05, 0.4], [0.05, 0.35])]
    assert found.spread == pytest.approx(np.maximum(own, spread))
    assert found.effect == pytest.approx(-found.relative / found.spread)
    assert found.larger.tolist() == [False, False, True]


def test_the_exchange_test_agrees_with_all_assignments():
    """Two images a class and four models: 16 assignments, each as likely."""
    generator = np.random.default_rng(8)
    label, scores = np.arange(3).repeat(2), generator.random((4, 6))
    demands = Demands(minimum=2, effect=1, rate=0.05, permutations=40_000, seed=1)
    found = judge_alignment(scores[0], scores[1:], label, 3, demands)
    means = class_means(scores, label, 3)
    rest = [[1, 2, 3], [2, 3], [1, 3], [1, 2]]
    centres = [np.median(means[m] - means[r].mean(axis=0)) for m, r in enumerate(rest)]
    scores = scores - np.array(centres)[:, None]
    for c in range(3):
        own = scores[:, label == c]
        sums = [
            sum(own[m, i] - np.delete(own[:, i], m).mean() for i, m in enumerate(choice))
            for choice in itertools.product(range(4), repeat=2)
        ]
        assert found.p[c] == pytest.approx(np.mean(np.array(sums) <= sums[0] + 1e-12), abs=0.01)


def test_too_few_images_are_never_flagged_and_say_so():
    student, twins, label = records(1, planted=2)
    kept = (label != 2) | (np.cumsum(label == 2) <= 19)
    found = alignment(student[kept], twins[:, kept], label[kept])
    assert not found.flagged[2]
    assert np.isnan(found.effect[2])
    assert found.reason[2] == FEW
    assert found.n[2] == 19
    assert found.reason[3] is None


def test_the_false_discovery_rate_is_over_the_classes_that_are_judged():
    found = alignment(*records(2, planted=5))
    p = np.sort(found.p)
    adjusted = np.minimum.accumulate((p * CLASSES / np.arange(1, CLASSES + 1))[::-1])[::-1]
    assert np.sort(found.q) == pytest.approx(adjusted.clip(max=1))


# ------------------------------------------------------------------------------------- masking


def drops(seed, planted=None, images=60):
    """Drops for top, centre and random; how much a class hangs on its place differs by class."""
    generator = np.random.default_rng(seed)
    label = np.repeat(np.arange(CLASSES), images)
    base = generator.uniform(2, 5, CLASSES)[label]
    top = base + generator.normal(0.6, 0.4, CLASSES)[label] + generator.normal(0, 1, len(label))
    centre, random = base + generator.normal(0, 1, (2, len(label)))
    random = random - 1.5
    if planted is not None:
        centre[label == planted] -= 4.0
    return top, centre, random, label


def masking(values, label, **changes):
    demands = Demands(**{**vars(DEMANDS), "effect": 0.8, **changes})
    return judge_masking(*values, label, CLASSES, demands)


def test_a_class_that_hangs_on_one_spot_is_found_and_no_other():
    for seed in range(10):
        *values, label = drops(seed, planted=seed)
        assert masking(values, label).flagged.nonzero()[0].tolist() == [seed]
        *values, label = drops(50 + seed)
        assert not masking(values, label).flagged.any()


def test_the_masking_effect_is_in_units_of_the_models_mean_drop():
    *values, label = drops(1, planted=3)
    found = masking(values, label)
    contrast = class_means(values[0] - values[1], label, CLASSES)
    scale = np.mean([class_means(v, label, CLASSES) for v in values])
    above = contrast[3] - np.median(np.delete(contrast, 3))
    assert found.effect[3] == pytest.approx(above / scale)
    twice = masking([2 * v for v in values], label)  # logits of twice the scale
    assert np.allclose(twice.effect, found.effect)


def test_a_top_area_that_costs_less_than_a_random_one_is_no_evidence():
    top, centre, random, label = drops(1, planted=3)
    random[label == 3] = top[label == 3] + 0.5
    found = masking((top, centre, random), label)
    assert found.effect[3] > 0.8
    assert not found.flagged[3]


def test_a_model_that_masking_does_not_touch_has_no_effect():
    _, _, _, label = drops(1)
    nothing = np.zeros(len(label))
    found = masking((nothing, nothing, nothing), label)
    assert np.isnan(found.effect).all()
    assert set(found.reason) == {NO_SPREAD}
    assert not found.flagged.any()


def test_relabelling_is_symmetric_under_the_null():
    generator = np.random.default_rng(4)
    label = np.repeat(np.arange(CLASSES), 30)
    found = [
        masking(generator.normal(1, 1, (3, 300)), label, permutations=200).p for _ in range(30)
    ]
    assert np.mean(np.concatenate(found) <= 0.1) == pytest.approx(0.1, abs=0.04)


# --------------------------------------------------------------------------------------- parts


def test_relative_leaves_undefined_classes_out():
    values = np.array([1.0, np.nan, 3.0, 8.0])
    assert relative(values) == pytest.approx([1 - 5.5, np.nan, 3 - 4.5, 8 - 2.0], nan_ok=True)


def test_wilsons_interval_is_its_closed_form():
    found, z = wilson(7, 10), 1.959963984540054
    middle = (0.7 + z**2 / 20) / (1 + z**2 / 10)
    half = z * np.sqrt(0.7 * 0.3 / 10 + z**2 / 400) / (1 + z**2 / 10)
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half))
    assert np.isnan(wilson(0, 0).value)
