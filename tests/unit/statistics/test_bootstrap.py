import warnings

import numpy as np
import pytest
from scipy import stats

from distilscope.statistics import bootstrap
from distilscope.statistics.bootstrap import Resamples


def test_every_resample_draws_as_many_images_as_there_are():
    counts = Resamples.draw(50, 300, 1).counts
    assert counts.shape == (50, 300)
    assert np.all(counts.sum(axis=0) == 50)
    np.testing.assert_allclose(counts.var(), 1 - 1 / 50, atol=0.05)


def test_the_same_seed_gives_the_same_resamples():
    first, second, other = (Resamples.draw(20, 50, seed).counts for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert np.any(first != other)


def test_the_interval_of_a_mean_agrees_with_scipys_bootstrap():
    values = np.random.default_rng(0).exponential(size=300)
    found = bootstrap.means(values[:, None], Resamples.draw(300, 4000))
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", rng=1
    ).confidence_interval
    assert found.value[0] == pytest.approx(values.mean(), abs=1e-12)
    assert found.low[0] == pytest.approx(expected.low, abs=0.01)
    assert found.high[0] == pytest.approx(expected.high, abs=0.01)


def test_replicates_equal_a_loop_over_resampled_images():
    resamples = Resamples.draw(12, 5)
    values = np.random.default_rng(0).random((12, 2))
    values[3, 1] = np.nan
    found = bootstrap.means(values, resamples, level=0.5)
    means = []
    for column in resamples.counts.T.astype(int):
        rows = np.repeat(values, column, axis=0)
        means.append(np.nanmean(rows, axis=0))
    expected = np.quantile(means, [0.25, 0.75], axis=0)
    np.testing.assert_allclose([found.low, found.high], expected, atol=1e-6)
    assert found.n.tolist() == [12, 11]
    assert found.n_undefined.tolist() == [0, 1]


def test_means_without_values_or_with_one_have_no_interval():
    values = np.array([[np.nan, 2.0], [np.nan, np.nan]])
    found = bootstrap.means(values, Resamples.draw(2, 100))
    assert np.isnan(found.value[0])
    assert found.value[1] == 2.0
    assert np.isnan([found.low, found.high]).all()


def test_a_small_subset_that_some_resamples_miss_still_has_an_interval():
    subset = Resamples.draw(100, 500).subset(np.array([3, 8]))
    assert (subset.counts.sum(axis=0) == 0).any()
    found = bootstrap.means(np.array([[1.0], [2.0]]), subset)
    assert (found.low[0], found.high[0]) == (1.0, 2.0)


def test_an_empty_subset_is_nan_throughout():
    found = bootstrap.means(np.empty((0, 2)), Resamples.draw(10, 50).subset(np.empty(0, int)))
    assert np.isnan(found.value).all()
    assert found.n.tolist() == [0, 0]


def test_deviations_are_of_the_population_and_survive_a_large_mean():
    values = np.random.default_rng(0).standard_normal(400) + 1e4
    found = bootstrap.deviations(values[:, None], Resamples.draw(400, 500))
    assert found.value[0] == pytest.approx(np.std(values), abs=1e-9)
    assert found.low[0] < np.std(values) < found.high[0]
    assert found.high[0] - found.low[0] < 0.3


def test_intervals_of_a_mean_cover_as_often_as_they_say():
    generator, hits = np.random.default_rng(0), 0
    resamples = Resamples.draw(100, 400)
    values = generator.standard_normal((100, 1000))
    found = bootstrap.means(values, resamples)
    hits = np.mean((found.low < 0) & (found.high > 0))
    assert 0.92 < hits < 0.965


def test_a_ratio_of_means_resamples_its_parts_together():
    generator = np.random.default_rng(0)
    bottom = generator.random(500) + 0.5
    resamples = Resamples.draw(500, 500)
    found = bootstrap.ratio_of_means(2 * bottom, bottom, resamples)
    assert found.value == pytest.approx(2.0)
    assert found.high - found.low < 1e-5
    apart = bootstrap.ratio_of_means(generator.random(500), bottom, resamples)
    assert apart.low < apart.value < apart.high
    assert apart.high - apart.low > 0.02


def test_a_ratio_may_be_above_one_or_negative():
    bottom, resamples = np.full(50, 0.5), Resamples.draw(50, 100)
    assert bootstrap.ratio_of_means(np.full(50, -0.5), bottom, resamples).value == -1.0
    assert bootstrap.ratio_of_means(np.full(50, 0.75), bottom, resamples).value == 1.5


def test_a_ratio_over_a_small_or_uncertain_denominator_is_nan_with_the_reason():
    resamples = Resamples.draw(40, 200)
    small = bootstrap.ratio_of_means(np.ones(40), np.full(40, 0.04), resamples)
    assert np.isnan(small.value)
    assert "0.040 is under 0.05" in small.reason
    wide = np.where(np.arange(40) % 2, 3.0, -2.8)
    uncertain = bootstrap.ratio_of_means(np.ones(40), wide, resamples)
    assert np.isnan(uncertain.value)
    assert "interval" in uncertain.reason


def test_a_ratio_without_images_is_nan_with_the_reason():
    empty = Resamples.draw(5, 20).subset(np.empty(0, int))
    found = bootstrap.ratio_of_means(np.empty(0), np.empty(0), empty)
    assert np.isnan(found.value)
    assert found.reason


def test_recentred_intervals_hold_the_value_of_a_sum_of_absolute_values():
    generator = np.random.default_rng(0)
    gaps = generator.standard_normal((400, 15)) * (
        np.arange(15) == generator.integers(0, 15, (400, 1))
    )
    value = np.abs(gaps.sum(axis=0)).sum() / 400
    replicates = np.abs(Resamples.draw(400, 500).sums(gaps)).sum(axis=0) / 400
    assert np.quantile(replicates, 0.5) > value
    low, high = bootstrap.recentred_interval(replicates, value)
    assert 0 <= low < value < high


def test_no_images_can_not_be_resampled():
    with pytest.raises(ValueError, match="at least one image"):
        Resamples.draw(0)


def test_two_levels_equal_a_loop_over_draws_of_seeds_and_images():
    """The spread of a brute-force resampling of rows and columns of a table with missing cells."""
    generator = np.random.default_rng(8)
    values = generator.normal(0, 1, (5, 1)) + generator.normal(0, 1, 40) / 2
    values = values + generator.normal(0, 0.3, (5, 40))
    values[1, 3:9] = np.nan
    drawn = []
    for _ in range(4000):
        seeds, images = generator.integers(0, 5, 5), generator.integers(0, 40, 40)
        drawn.append(np.nanmean(values[seeds][:, images], axis=1).mean())
    expected = np.quantile(drawn, [0.025, 0.975])
    found = bootstrap.two_level(values, bootstrap.Resamples.draw(40, 4000, 1))
    np.testing.assert_allclose(found, expected, atol=0.06)


def test_two_levels_are_wider_than_images_alone_where_seeds_differ():
    generator = np.random.default_rng(3)
    values = generator.normal(0, 1, (6, 1)) + generator.normal(0, 0.1, (6, 50))
    resamples = bootstrap.Resamples.draw(50, 1000, 0)
    alone = bootstrap.means(values.mean(axis=0)[:, None], resamples)
    low, high = bootstrap.two_level(values, resamples)
    assert high - low > 5 * (alone.high - alone.low)[0]


def test_a_ratio_of_very_few_images_has_no_warning_where_a_resample_holds_none(recwarn):
    """Two of 40 images: in one resample of eight neither is drawn."""
    rows = bootstrap.Resamples.draw(40, 400, 0).subset(np.array([3, 7]))
    assert (rows.counts.sum(axis=0) == 0).any()
    found = bootstrap.ratio_of_means(np.array([0.4, 0.5]), np.array([0.8, 1.0]), rows)
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    assert not recwarn.list


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_quantiles_beside_missing_replicates_are_numpys_to_the_bit(level):
    generator = np.random.default_rng(3)
    replicates = generator.standard_normal((60, 97)).astype(np.float32)
    replicates[generator.random(replicates.shape) < generator.random((60, 1))] = np.nan
    replicates[7], replicates[8, 1:] = np.nan, np.nan  # no replicate, and one
    tails = [(1 - level) / 2, (1 + level) / 2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's, of a row of NaN alone
        expected = np.nanquantile(replicates.astype(np.float64), tails, axis=-1)
    np.testing.assert_array_equal(bootstrap.interval(replicates, level), expected)


def test_means_of_many_groups_are_those_of_each_alone_to_the_bit():
    generator = np.random.default_rng(4)
    images, classes = 700, 300  # most classes have two images or so, some none
    label = generator.integers(0, classes, images)
    values = generator.random((images, 3))
    values[generator.random(values.shape) < 0.2] = np.nan
    resamples = Resamples.draw(2 * images, 200)
    position = generator.permutation(2 * images)[:images]
    groups = [np.flatnonzero(label == number) for number in range(classes)]
    assert min(map(len, groups)) == 0 < max(map(len, groups))
    found = list(bootstrap.means_by_group(values, groups, position, resamples))
    assert len(found) == classes
    for own, group in zip(found, groups, strict=True):
        alone = bootstrap.means(values[group], resamples.subset(position[group]))
        for name in ("value", "low", "high", "n", "n_undefined"):
            np.testing.assert_array_equal(getattr(own, name), getattr(alone, name))
