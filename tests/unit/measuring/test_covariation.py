"""Whether outputs and explanations go together, against scipy and hand-worked values."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from distilscope.analyses.alignment.covariation import covariation


def test_covariation_of_few_conditions_is_exact():
    outputs = np.array([0.26, 0.38, 0.50, 0.28, 0.48, 0.56, 0.7])
    explanations = np.array([0.1, 0.3, 0.2, 0.15, 0.5, 0.45, 0.45])
    found = covariation(outputs, explanations)
    rho = stats.spearmanr(outputs, explanations).statistic
    null = [
        stats.spearmanr(outputs, order).statistic for order in itertools.permutations(explanations)
    ]
    tails = np.mean(np.array(null) >= rho - 1e-9), np.mean(np.array(null) <= rho + 1e-9)
    assert (found.n, found.exact, found.permutations) == (7, True, 5040)
    assert found.rho == pytest.approx(rho)
    assert found.p == pytest.approx(2 * min(tails))
    best = np.mean(np.array(null) >= max(null) - 1e-9)
    assert found.smallest_p == pytest.approx(2 * best)


def test_blocks_keep_what_an_architecture_alone_explains_out_of_the_p():
    """Both numbers rise with the architecture and are opposed within each."""
    blocks = np.repeat(["r18", "r34", "r50", "r101"], 3)
    outputs = np.repeat([0.0, 1.0, 2.0, 3.0], 3) + np.tile([0.0, 0.1, 0.2], 4)
    explanations = np.repeat([0.0, 1.0, 2.0, 3.0], 3) - np.tile([0.0, 0.1, 0.2], 4)
    plain, within = covariation(outputs, explanations), covariation(outputs, explanations, blocks)
    assert plain.rho == within.rho > 0.8
    assert plain.p < 0.01
    assert not plain.exact
    assert (within.exact, within.permutations) == (True, 6**4)
    # of all 1296 orders within blocks none is as opposed as this one
    assert within.p == pytest.approx(2 / 6**4)
    assert within.smallest_p == pytest.approx(2 / 6**4)


def test_permutations_keep_cells_in_blocks_that_are_not_contiguous():
    generator = np.random.default_rng(0)
    outputs, explanations = generator.random(7), generator.random(7)
    blocks = np.array([0, 1, 0, 1, 0, 1, 1])
    found = covariation(outputs, explanations, blocks)
    null = []
    for first in itertools.permutations([0, 2, 4]):
        for second in itertools.permutations([1, 3, 5, 6]):
            order = np.empty(7, int)
            order[[0, 2, 4]], order[[1, 3, 5, 6]] = first, second
            null.append(stats.spearmanr(outputs, explanations[order]).statistic)
    rho = stats.spearmanr(outputs, explanations).statistic
    tails = np.mean(np.array(null) >= rho - 1e-9), np.mean(np.array(null) <= rho + 1e-9)
    assert found.p == pytest.approx(min(1, 2 * min(tails)))


def test_drawn_permutations_agree_with_scipy_and_with_themselves():
    generator = np.random.default_rng(1)
    outputs = generator.random(12)
    explanations = outputs + 0.5 * generator.random(12)
    found = covariation(outputs, explanations)
    oracle = stats.permutation_test(
        (outputs,),
        lambda values: stats.spearmanr(values, explanations).statistic,
        permutation_type="pairings",
        n_resamples=4000,
        rng=np.random.default_rng(0),
    )
    assert found.p == pytest.approx(oracle.pvalue, abs=4 * math.sqrt(oracle.pvalue / 4000) + 1e-3)
    assert found == covariation(outputs, explanations)


@pytest.mark.parametrize(
    ("outputs", "blocks", "reason"),
    [
        ([0.1, 0.2, 0.3, np.nan], None, "fewer than 4 conditions"),
        ([0.1, 0.1, 0.1, 0.1], None, "does not vary"),
        ([0.1, 0.2, 0.3, 0.4], [1, 2, 3, 4], "no block has two conditions"),
    ],
)
def test_covariation_that_cannot_be_tested_is_nan_with_the_reason(outputs, blocks, reason):
    found = covariation(outputs, [0.4, 0.3, 0.1, 0.2], blocks)
    assert reason in found.reason
    assert math.isnan(found.p)


def test_conditions_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="expected one length"):
        covariation([0.1, 0.2], [0.1, 0.2, 0.3])
