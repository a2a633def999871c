import numpy as np
import pytest

from distilscope.analyses.alignment import image_specific_unit, maps


def _two_models(n=1200, classes=4, pixels=64, own=0.0, seed=0):
    generator = np.random.default_rng(seed)
    label = np.arange(n) % classes
    places = 2 * generator.standard_normal((classes, pixels))
    shared = own * generator.standard_normal((n, pixels))
    both = [places[label] + shared + generator.standard_normal((n, pixels)) for _ in range(2)]
    return [maps.average_ranks(side) for side in both], label


def _score(ranks, label, minimum=10, folds=5):
    fold = image_specific_unit.fold_of(np.arange(len(label)), folds, 0)
    usable = np.ones(len(label), bool)
    residuals = [
        image_specific_unit.class_mean_residuals(side, label, fold, usable, minimum)
        for side in ranks
    ]
    return image_specific_unit.image_specific_rho_unit(*residuals)


def test_sharing_only_the_place_of_the_class_scores_zero_though_raw_rho_is_high():
    ranks, label = _two_models()
    raw = maps.correlate_units(*(maps.unit_rows(side) for side in ranks))
    assert raw.mean() > 0.5
    assert abs(_score(ranks, label).mean()) < 0.02


def test_sharing_what_is_the_images_own_scores_above_zero():
    ranks, label = _two_models(own=1.0)
    assert _score(ranks, label).mean() > 0.3


def test_residuals_equal_a_brute_force_loop():
    generator = np.random.default_rng(3)
    ranks, label = generator.random((40, 9)), generator.integers(0, 3, 40)
    fold = image_specific_unit.fold_of(np.arange(40) * 11, 4, 5)
    usable = generator.random(40) < 0.8
    found = image_specific_unit.class_mean_residuals(ranks, label, fold, usable, 2)
    for i in range(40):
        others = [j for j in range(40) if usable[j] and label[j] == label[i] and fold[j] != fold[i]]
        if not usable[i] or len(others) < 2:
            assert np.isnan(found[i]).all()
        else:
            np.testing.assert_allclose(found[i], ranks[i] - ranks[others].mean(axis=0))


def test_classes_without_an_image_change_no_bit():
    generator = np.random.default_rng(4)
    ranks, label = generator.random((60, 9)), generator.integers(0, 3, 60)
    fold, usable = image_specific_unit.fold_of(np.arange(60), 5, 0), generator.random(60) < 0.8
    few, many = (
        image_specific_unit.class_mean_residuals(ranks, own, fold, usable, 2)
        for own in (label, np.array([17, 500, 999])[label])
    )
    np.testing.assert_array_equal(few, many)


def test_a_class_mean_on_too_few_images_gives_nan():
    ranks, label = _two_models(n=20)
    assert np.isnan(_score(ranks, label, minimum=10)).all()
    assert not np.isnan(_score(ranks, label, minimum=2)).any()


def test_a_residual_that_is_zero_gives_nan():
    ranks = [np.tile(np.arange(9.0), (60, 1))] * 2
    assert np.isnan(_score(ranks, np.zeros(60, int))).all()


def test_folds_depend_on_index_and_seed_only_and_are_even():
    index = np.arange(10_000) + 60_000
    fold = image_specific_unit.fold_of(index, 5, 0)
    np.testing.assert_array_equal(fold[::3], image_specific_unit.fold_of(index[::3], 5, 0))
    assert np.mean(fold == image_specific_unit.fold_of(index, 5, 1)) == pytest.approx(0.2, abs=0.02)
    np.testing.assert_allclose(np.bincount(fold) / 10_000, 0.2, atol=0.02)
