import itertools

import numpy as np
import pytest
from scipy import stats

from distilscope.statistics import paired


def test_half_the_width_is_that_of_the_t_interval():
    values = np.random.default_rng(0).standard_normal(6)
    half = 2.5706 * values.std(ddof=1) / np.sqrt(6)  # t of 5 degrees of freedom, 97.5 %
    assert paired.half_width(values) == pytest.approx(half, abs=1e-4)
    assert np.isnan(paired.half_width(values[:1]))


def test_sign_flip_equals_the_enumeration_of_all_signs():
    differences = np.array([0.3, -0.1, 0.5, 0.2, 0.4])
    means = [np.dot(s, differences) / 5 for s in itertools.product((-1, 1), repeat=5)]
    expected = np.mean(np.abs(means) >= abs(differences.mean()) - 1e-12)
    assert paired.sign_flip(differences) == pytest.approx(expected)


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
