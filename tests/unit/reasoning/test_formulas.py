"""The formulas of reasoning, on numbers made by hand."""

import math

import numpy as np
import pytest

from distilscope.analyses.reasoning import agreeing, held, steps
from distilscope.statistics import ranks
from distilscope.statistics.bootstrap import Resamples


def test_two_models_that_err_by_themselves_have_no_excess_and_copies_have_much():
    random = np.random.default_rng(0)
    n = 40_000
    answers = random.integers(4, size=(2, n))  # 0 is right: each is right in a quarter
    easy = np.arange(n) < n // 2  # a task that both know
    answers[:, easy] = np.where(random.random((2, n // 2)) < 0.9, 0, answers[:, easy])
    groups = [np.flatnonzero(easy), np.flatnonzero(~easy)]
    draw = Resamples.draw(n, 50)

    def excess(own, other, groups=groups, choices=(4, 4)):
        columns = own == other, own == 0, other == 0
        found = agreeing.beside_expected(*columns, groups, choices, draw, 0.95)
        assert found.low[1] <= found.overall[1] <= found.high[1]
        return found.overall[1]

    assert abs(excess(*answers)) < 0.01
    assert excess(answers[0], answers[0]) > 0.2
    # over both tasks at once the shared knowledge of the easy one would pass for fidelity
    assert excess(*answers, groups=[np.arange(n)], choices=(4,)) > 0.05


@pytest.mark.filterwarnings("error")  # 0 / 0 of a resample without one of these items
def test_few_items_with_choices_among_many_have_an_interval_of_the_resamples_that_hold_one():
    among = np.r_[1.0, 0.0, np.full(20, np.nan)]
    found = agreeing.beside_expected(
        *(among, among, among, [np.arange(2)], [4], Resamples.draw(22, 100), 0.95)
    )
    assert found.overall[1] == pytest.approx(0.5 - (0.25 + 0.25 / 3))
    assert found.low[1] <= found.overall[1] <= found.high[1]


def test_a_step_that_stands_twice_has_to_be_taken_twice():
    assert steps.shared("a , b", of="a , a , b , c") == 0.5
    assert steps.shared("a , a , a , b", of="a , a , b") == 1
    assert steps.shared("", of="a") == 0
    assert math.isnan(steps.shared("a", of=""))


def test_no_item_meets_itself_in_the_null():
    traces = [f"{i} + 0 = {i}" for i in range(7)]
    found = steps.fidelity_by_chance(traces, traces, [np.arange(7)], 5, 0)
    np.testing.assert_array_equal(found, np.zeros(7))
    alone = steps.fidelity_by_chance(traces[:1], traces[:1], [np.arange(1)], 5, 0)
    assert np.isnan(alone).all()


def test_a_partial_rank_correlation_is_that_of_the_textbook():
    random = np.random.default_rng(1)
    first, second, third = random.normal(size=(3, 30))
    second, third = second + first, third + first
    r = {
        (a, b): ranks.spearman(x, y)
        for (a, x), (b, y) in (
            ((0, first), (1, second)),
            ((0, first), (2, third)),
            ((1, second), (2, third)),
        )
    }
    by_hand = (r[1, 2] - r[0, 1] * r[0, 2]) / math.sqrt((1 - r[0, 1] ** 2) * (1 - r[0, 2] ** 2))
    assert ranks.spearman(second, third, [first]) == pytest.approx(by_hand)


def test_a_gain_that_follows_from_the_score_before_is_none_at_one_score():
    before = {"small": np.array([0.1, 0.3, 0.2]), "large": np.array([0.6, 0.8, 0.9])}
    gains = {name: 0.5 * (1 - score) for name, score in before.items()}
    found = held.adjusted(gains, before)
    assert gains["small"].mean() - gains["large"].mean() > 0.2
    assert found["small"] == pytest.approx(found["large"])
