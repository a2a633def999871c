import itertools

import numpy as np
import pytest
from scipy import stats

from distilscope.statistics import paired


def test_the_interval_is_the_paired_t_interval():
    first, second = np.random.default_rng(0).standard_normal((2, 6))
    found = paired.paired_difference(first, second)
    difference = first - second
    half = 2.5706 * difference.std(ddof=1) / np.sqrt(6)  # t of 5 degrees of freedom, 97.5 %
    assert found.difference == pytest.approx(difference.mean())
    assert found.low == pytest.approx(difference.mean() - half, abs=1e-4)
    assert found.high == pytest.approx(difference.mean() + half, abs=1e-4)
    assert found.p_t == pytest.approx(stats.ttest_rel(first, second).pvalue)
    assert found.effect == pytest.approx(difference.mean() / difference.std(ddof=1))


def test_sign_flip_equals_the_enumeration_of_all_signs():
    differences = np.array([0.3, -0.1, 0.5, 0.2, 0.4])
    means = [np.dot(s, differences) / 5 for s in itertools.product((-1, 1), repeat=5)]
    expected = np.mean(np.abs(means) >= abs(differences.mean()) - 1e-12)
    assert paired.sign_flip(differences) == pytest.approx(expected)


@pytest.mark.parametrize(("seeds", "least"), [(2, 0.5), (3, 0.25), (5, 0.0625), (6, 0.03125)])
def test_equal_signs_reach_the_smallest_p_that_is_announced(seeds, least):
    found = paired.paired_difference(1.0 + 0.1 * np.arange(seeds), np.zeros(seeds))
    assert found.p_sign_flip == pytest.approx(least)
    assert found.smallest_p == least


def test_pairs_matter():
    first = np.array([1.0, 2.0, 3.0, 4.0])
    better = first + np.array([0.1, 0.11, 0.09, 0.1])
    found = paired.paired_difference(better, first)
    assert found.low > 0
    shuffled = paired.paired_difference(better, first[::-1])
    assert shuffled.low < 0 < shuffled.high


def test_a_single_seed_has_a_difference_but_no_interval_and_the_reason():
    found = paired.paired_difference([0.7], [0.5])
    assert found.difference == pytest.approx(0.2)
    assert np.isnan([found.low, found.high, found.p_t, found.p_sign_flip, found.effect]).all()
    assert "single seed" in found.reason


def test_missing_values_leave_the_pair_out():
    found = paired.paired_difference([1.0, np.nan, 3.0, 4.0], [0.0, 1.0, 1.0, 1.0])
    assert found.n == 3
    assert found.difference == pytest.approx(2.0)
    nothing = paired.paired_difference([np.nan], [1.0])
    assert nothing.n == 0
    assert np.isnan(nothing.difference)
    assert "no pair" in nothing.reason


def test_equal_differences_have_no_interval_of_zero_width():
    found = paired.paired_difference([0.3, 0.4, 0.5], [0.1, 0.2, 0.3])
    assert np.isnan([found.low, found.high]).all()
    assert "do not vary" in found.reason


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="one length"):
        paired.paired_difference([1.0, 2.0], [1.0])


def test_benjamini_hochberg_by_hand_and_nan_is_not_in_the_family():
    adjusted = paired.benjamini_hochberg([0.01, np.nan, 0.04, 0.03])
    np.testing.assert_allclose(adjusted[[0, 2, 3]], [0.03, 0.04, 0.04])
    assert np.isnan(adjusted[1])
    assert np.isnan(paired.benjamini_hochberg([np.nan])).all()


def test_pseudo_values_of_additive_pairs_are_what_each_member_adds():
    """Pairs worth a + b: the mean is 2 mean(a), and member i adds 2 a_i to it."""
    own = {"a": 0.1, "b": 0.4, "c": -0.2, "d": 0.9}
    pairs = {frozenset(p): own[p[0]] + own[p[1]] for p in itertools.combinations(own, 2)}
    found = paired.pseudo_values(pairs)
    assert found.mean() == pytest.approx(2 * np.mean(list(own.values())))
    np.testing.assert_allclose(
        found - found.mean(), 2 * (np.array(list(own.values())) - np.mean(list(own.values())))
    )


def test_the_spread_of_pseudo_values_covers_the_mean_over_pairs():
    """3,000 families of 4 with effects of members and of pairs: the t interval holds the truth."""
    generator, held = np.random.default_rng(5), 0
    for _ in range(3000):
        members = dict(zip("abcd", generator.normal(0, 1, 4), strict=True))
        pairs = {
            frozenset(p): members[p[0]] + members[p[1]] + generator.normal(0, 0.5)
            for p in itertools.combinations(members, 2)
        }
        own = paired.pseudo_values(pairs)
        half = stats.t.ppf(0.975, 3) * own.std(ddof=1) / 2
        held += abs(own.mean()) <= half
    assert 0.94 <= held / 3000 <= 0.985


@pytest.mark.parametrize(
    ("pairs", "why"),
    [([("a", "b")], "3 members"), ([("a", "b"), ("a", "c")], "a is part of every pair")],
)
def test_too_few_pairs_are_refused(pairs, why):
    with pytest.raises(ValueError, match=why):
        paired.pseudo_values({frozenset(pair): 1.0 for pair in pairs})
