"""Mutual information and the published numbers, against loops and what scikit-learn gives."""

import math

import numpy as np
import pytest

from distilscope.analyses.attention import information, overlap, published


@pytest.fixture
def pair():
    random = np.random.default_rng(11)
    first = random.integers(0, 5, size=300)
    second = np.where(random.random(300) < 0.6, first, random.integers(0, 5, size=300))
    return first, second


def by_loop(first, second):
    """Sum over cells of p(a, b) log p(a, b) / (p(a) p(b)), counted a pair at a time."""
    n, total = len(first), 0.0
    pairs = list(zip(first.tolist(), second.tolist(), strict=True))
    for a, b in set(pairs):
        joint = pairs.count((a, b)) / n
        alone = first.tolist().count(a) / n, second.tolist().count(b) / n
        total += joint * math.log(joint / (alone[0] * alone[1]))
    return total


def test_the_plug_in_estimate_is_the_loop(pair):
    moved = overlap.shuffles(300, 4, seed=0)
    found = information.information(*pair, moved)
    assert found.plug_in == pytest.approx(by_loop(*pair), rel=1e-12)
    null = np.mean([by_loop(pair[0], pair[1][order]) for order in moved])
    assert found.shuffled == pytest.approx(null)
    assert found.corrected == pytest.approx(found.plug_in - null)


def test_miller_madow_of_a_table_by_hand():
    """Cells (3, 1), (0, 4): 3 are not empty, of 2 rows and 2 columns: (3 - 2 - 2 + 1) / 16."""
    table = np.array([[3, 1], [0, 4]])
    assert information.bias(table) == 0.0
    full = np.array([[3, 1], [1, 3]])
    assert information.bias(full) == pytest.approx(1 / 16)
    first, second = np.array([0] * 4 + [1] * 4), np.array([0, 0, 0, 1, 0, 1, 1, 1])
    found = information.information(first, second, [])
    assert found.miller_madow == pytest.approx(found.plug_in - 1 / 16)


def test_without_relation_the_corrected_estimates_are_near_0():
    random = np.random.default_rng(2)
    first, second = random.integers(0, 10, size=(2, 2000))
    found = information.information(first, second, overlap.shuffles(2000, 20, 0))
    assert found.plug_in > 0.015
    assert abs(found.miller_madow) < 0.006 and abs(found.corrected) < 0.006


def test_equal_predictions_have_all_of_the_entropy(pair):
    found = information.information(pair[0], pair[0], [])
    assert found.normalised == pytest.approx(1.0)
    assert found.plug_in == pytest.approx(information.entropy(np.bincount(pair[0])))
    assert math.isnan(found.shuffled)


def test_models_that_say_one_class_have_no_normalised_information():
    one = np.zeros(5, dtype=np.int64)
    found = information.information(one, one, [])
    assert found.plug_in == 0 and math.isnan(found.normalised)


# ------------------------------------------------------------------------ the published numbers


def test_estimates_by_batch_are_inflated_and_their_null_shows_it(pair):
    random = np.random.default_rng(4)
    first, second = random.integers(0, 10, size=(2, 1280))
    assert published.mis(first, second, 128) > 0.2  # of two models that know nothing of each other
    whole = information.information(first, second, overlap.shuffles(1280, 5, 0))
    assert abs(whole.corrected) < 0.01


def test_mis_is_the_plain_mean_over_batches(pair):
    first, second = pair
    cut = [slice(0, 128), slice(128, 256), slice(256, 300)]
    expected = np.mean([by_loop(first[s], second[s]) for s in cut])
    assert published.mis(first, second, 128) == pytest.approx(expected)


def test_the_published_divergence_is_ten_times_the_students_expectation():
    student, teacher = np.array([[0.0, 1.0, 2.0]]), np.array([[1.0, 0.0, 0.5]])

    def softmax(row):
        return [math.exp(x) / sum(map(math.exp, row)) for x in row]

    p, q = softmax(student[0]), softmax(teacher[0])
    expected = 10 * sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
    assert published.divergence(student, teacher)[0] == pytest.approx(expected)


def test_the_unweighted_calibration_error_by_hand():
    """Three images at 0.95 (two right), one at 0.55 (right): (|2/3 - 0.95| + |1 - 0.55|) / 10."""
    logits = np.log([[0.95, 0.05], [0.95, 0.05], [0.95, 0.05], [0.55, 0.45]])
    found = published.calibration_error(logits, np.array([0, 0, 1, 0]))
    assert found == pytest.approx((abs(2 / 3 - 0.95) + 0.45) / 10)


SCIKIT_LEARN = {
    0: (0.608847196866519, 0.7389901316056915),
    1: (0.6621407586953456, 0.7615918325611895),
}
"""`mutual_info_classif` of scikit-learn 1.9.1, of two batches by `random_state`.

Of a class of seven images or fewer it works distances out as x^2 - 2 x y + y^2, in which a jitter
of 1e-10 is lost to rounding: its estimates are another there, and no oracle.
"""


@pytest.mark.parametrize("seed", SCIKIT_LEARN)
def test_mi_is_scikit_learns_estimate_of_labels_for_the_same_jitter(pair, seed):
    first, second = pair
    for each, expected in zip((slice(0, 128), slice(128, 256)), SCIKIT_LEARN[seed], strict=True):
        random = np.random.RandomState(seed)
        found = published.nearest_neighbours(first[each].astype(float), second[each], random)
        assert found == pytest.approx(expected, rel=1e-9)


def test_mi_is_scikit_learns_estimate_of_a_number_too():
    """1.9.1 gives 0.28223989713455566 for these, whatever the jitter."""
    random = np.random.default_rng(11)
    random.integers(0, 5, size=300), random.random(300), random.integers(0, 5, size=300)
    x = random.normal(size=200)
    y = (x + random.normal(size=200) > 0).astype(int) + 2 * (random.random(200) < 0.02)
    found = published.nearest_neighbours(x, y, np.random.default_rng(7))
    assert found == pytest.approx(0.28223989713455566, rel=1e-9)


def test_whole_table_information_is_scikit_learns(pair):
    """1.9.1: `mutual_info_score` and `normalized_mutual_info_score`."""
    found = information.information(*pair, [])
    assert found.plug_in == pytest.approx(0.6386645638087041, rel=1e-12)
    assert found.normalised == pytest.approx(0.3998477885866324, rel=1e-12)
