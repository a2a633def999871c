import itertools
import math

import numpy as np
import pytest
from scipy import stats

from distilscope.statistics.contrasts import Contrast, Correlation, power, sample_size


def contrast(values, against=(), teachers=None):
    values = np.asarray(values, np.float64)
    names = np.array(teachers or ["t"] * len(values))
    parts = {name: values[names == name] for name in dict.fromkeys(names)}
    return Contrast(values, np.asarray(against, np.float64), parts)


def test_paired_values_have_the_t_interval_and_p_of_scipy():
    values = np.random.default_rng(0).standard_normal(6)
    found = contrast(values)
    expected = stats.ttest_1samp(values, 0.1)
    assert found.p(0.1) == pytest.approx(expected.pvalue)
    assert found.interval(0.05) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert found.effect == pytest.approx(values.mean() / values.std(ddof=1))


def test_against_several_twins_it_is_the_pooled_two_sample_t_test():
    generator = np.random.default_rng(1)
    values, twins = generator.standard_normal(6), generator.standard_normal(3) + 0.5
    found = contrast(values, twins)
    expected = stats.ttest_ind(values, twins)
    assert found.value == pytest.approx(values.mean() - twins.mean())
    assert found.p(0.0) == pytest.approx(expected.pvalue)
    assert found.interval(0.01) == pytest.approx(tuple(expected.confidence_interval(0.99)))


def test_a_single_twin_is_one_draw_and_not_a_constant():
    """By hand: sd 0.1 of 4 seeds, t of 3 degrees 3.1824, factor sqrt(1/4 + 1)."""
    values = [0.5, 0.6, 0.7, 0.8]
    found = contrast(values, [0.9])
    half = 3.18245 * np.std(values, ddof=1) * math.sqrt(1.25)
    assert found.interval(0.05) == pytest.approx((0.65 - 0.9 - half, 0.65 - 0.9 + half), abs=1e-5)
    assert found.interval(0.05)[1] > contrast(np.array(values) - 0.9).interval(0.05)[1]


def test_the_exact_test_against_twins_equals_the_enumeration_of_all_labels():
    values, twins = np.array([0.1, 0.25, 0.3, 0.42]), np.array([0.6, 0.35])
    everything = np.concatenate([values, twins])
    differences = []
    for chosen in itertools.combinations(range(6), 2):
        of_twins = np.isin(np.arange(6), chosen)
        differences.append(everything[~of_twins].mean() - everything[of_twins].mean())
    observed = values.mean() - twins.mean()
    least = np.mean(np.array(differences) <= observed + 1e-12)
    p, smallest = contrast(values, twins).exact(0.0)
    assert p == pytest.approx(2 * least)
    assert smallest == pytest.approx(2 / 15)


def test_the_exact_test_of_paired_values_is_about_delta():
    values = 0.1 + 0.01 * np.arange(6)
    assert contrast(values).exact(0.0) == (pytest.approx(2 / 64), pytest.approx(2 / 64))
    assert contrast(values).exact(float(values.mean()))[0] > 0.8


def seeds_needed(effect, spread, error_rate, twins=0):
    return sample_size(lambda seeds: power(effect, spread, seeds, error_rate, twins))


@pytest.mark.parametrize(("effect", "seeds"), [(1.0, 10), (0.8, 15), (0.5, 34), (0.2, 199)])
def test_seeds_needed_are_those_of_published_tables_of_the_paired_t_test(effect, seeds):
    """Two-sided alpha 0.05, power 0.8: Cohen's and G*Power's sample sizes."""
    assert seeds_needed(effect, 1.0, 0.05) == seeds
    assert seeds_needed(-effect, 1.0, 0.05) == seeds


def test_power_is_the_share_of_simulated_studies_that_decide():
    generator = np.random.default_rng(2)
    draws = 0.9 + generator.standard_normal((20_000, 8))
    twins = generator.standard_normal((20_000, 2))
    test = stats.ttest_ind(draws, twins, axis=1)
    share = np.mean((test.pvalue < 0.05) & (test.statistic > 0))
    assert power(0.9, 1.0, 8, 0.05, twins=2) == pytest.approx(share, abs=0.01)


def test_one_twin_can_leave_it_undecided_however_many_seeds_there_are():
    assert seeds_needed(1.0, 1.0, 0.05, twins=1) is None
    assert seeds_needed(4.0, 1.0, 0.05, twins=1) < 10


def test_no_effect_is_never_decided_and_a_huge_one_by_two_or_three_seeds():
    assert seeds_needed(0.0, 1.0, 0.05) is None
    assert seeds_needed(1e6, 1.0, 0.05) == 2
    assert sample_size(lambda seeds: float(seeds >= 7)) == 7


@pytest.mark.parametrize(
    ("values", "words"),
    [([], "no seed"), ([0.3], "one seed"), ([0.3, 0.3, 0.3], "do not vary")],
)
def test_without_spread_there_is_no_interval_and_a_reason(values, words):
    found = contrast(values)
    assert words in found.unavailable
    assert np.isnan([*found.interval(0.05), found.p(0.0), found.exact(0.0)[0], found.effect]).all()


def test_with_the_teacher_as_the_unit_the_means_by_teacher_are_the_sample():
    found = contrast([1.0, 2.0, 4.0, 3.0, 4.0, 6.0], teachers=["a", "b", "c"] * 2)
    expected = stats.ttest_1samp([2.0, 3.0, 5.0], 0.0).confidence_interval(0.95)
    assert found.over_teachers(0.05) == pytest.approx(tuple(expected))
    assert contrast([1.0, 2.0]).over_teachers(0.05) is None


def test_against_twins_the_means_by_teacher_are_set_against_theirs():
    own, twins = [1.0, 2.0, 4.0, 3.0, 4.0, 6.0], np.array([5.0, 6.5, 8.0])
    found = contrast(own, twins, ["a", "b", "c"] * 2)
    expected = stats.ttest_ind([2.0, 3.0, 5.0], twins).confidence_interval(0.95)
    assert found.over_teachers(0.05) == pytest.approx(tuple(expected))


def of_classes(values, pooled, classes, unit="classes"):
    return Correlation(np.array(values), pooled=pooled, points=classes, unit=unit)


def test_over_classes_the_interval_is_that_of_bonett_and_wright_where_it_is_wider():
    """By hand for r = 0.5 of 10 classes: z = 0.5493, se = sqrt(1.125 / 7) = 0.4009."""
    found = of_classes([0.49, 0.5, 0.51], 0.5, 10)
    assert found.interval(0.05) == pytest.approx((-0.2322, 0.8706), abs=2e-4)
    assert found.p(0.0) == pytest.approx(2 * stats.norm.sf(0.5493 / 0.4009), abs=1e-3)


def test_seeds_that_disagree_widen_the_interval_over_classes():
    low, high = of_classes([-0.9, 0.9, 0.9], 0.9, 100).interval(0.05)
    assert (low, high) == (-1.0, 1.0)


def test_more_seeds_do_not_decide_what_the_classes_leave_open():
    assert of_classes([0.49, 0.5, 0.51], 0.5, 10).power(1000, 0.3, 0.05) == 0.0
    assert of_classes([0.49, 0.5, 0.51], 0.5, 1000).power(6, 0.3, 0.05) > 0.9


def test_four_classes_have_no_interval():
    assert "4 classes" in of_classes([0.4, 0.5], 0.5, 4).unavailable


def test_conditions_are_points_too():
    found = of_classes([0.49, 0.5, 0.51], 0.5, 10, "conditions")
    assert found.interval(0.05) == of_classes([0.49, 0.5, 0.51], 0.5, 10).interval(0.05)
    few = of_classes([0.4, 0.5], 0.5, 4, "conditions")
    assert few.unavailable == "4 conditions: a correlation over conditions needs 5"


def test_units_on_two_sides_of_delta_reject_nothing():
    """Seeds say clearly below 0.5, points clearly above: the envelope holds it, and p says so."""
    found = of_classes([0.29, 0.3, 0.31], 0.95, 30)
    low, high = found.interval(0.05)
    assert low < 0.3 < 0.5 < 0.9 < high
    assert found.p(0.5) > 0.9


def test_a_correlation_excludes_delta_exactly_where_p_is_at_most_the_error_rate():
    generator, decided = np.random.default_rng(3), set()
    for _ in range(300):
        values = generator.normal(generator.uniform(-0.9, 0.9), 0.1, 4)
        pooled = float(np.clip(values.mean() + generator.normal(0, 0.3), -0.95, 0.95))
        found = of_classes(values, pooled, 12)
        low, high = found.interval(0.05)
        excluded = not low <= 0.1 <= high
        decided.add(excluded)
        assert excluded == (found.p(0.1) <= 0.05)
    assert decided == {True, False}
