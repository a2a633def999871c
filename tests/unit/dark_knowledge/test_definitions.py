"""Distinctness, training signals, class relations: each against a loop in float64."""

import inspect
import itertools
import math
import sys

import numpy as np
import pytest
import torch
from scipy import stats

from distilscope import catalog
from distilscope.analyses.dark_knowledge import distinctness, planted, relations, rungs, signal
from distilscope.data import composed_tree
from distilscope.training.objectives import fused

N, CLASSES = 12, 6


@pytest.fixture
def teacher():
    random = np.random.default_rng(2)
    return 3 * random.normal(size=(N, CLASSES)), np.arange(N) % (CLASSES - 1)  # the last is absent


def softmax(row):
    powers = [math.exp(value - max(row)) for value in row]
    return [power / sum(powers) for power in powers]


def variance(values):
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / len(values)


# -------------------------------------------------------------------------------- distinctness


@pytest.mark.parametrize(("tau", "true"), [(1.0, None), (4.0, None), (2.0, 4.0)])
def test_distinctness_is_the_definition(teacher, tau, true):
    logits, labels = teacher
    found = distinctness.distinctness(logits, labels, tau, true)
    for i, (row, label) in enumerate(zip(logits, labels, strict=True)):
        said = softmax([z / ((true or tau) if c == label else tau) for c, z in enumerate(row)])
        q = [p for c, p in enumerate(said) if c != label]
        inherent = [p / (1 - said[label]) for p in q]
        assert found.p_true[i] == pytest.approx(said[label], rel=1e-12)
        assert found.wrong_mean[i] == pytest.approx(sum(q) / len(q), rel=1e-12)
        assert found.wrong_variance[i] == pytest.approx(variance(q), rel=1e-10)
        assert found.wrong_sd[i] == pytest.approx(math.sqrt(variance(q)), rel=1e-10)
        assert found.inherent_variance[i] == pytest.approx(variance(inherent), rel=1e-10)
        assert found.inherent_sd[i] == pytest.approx(math.sqrt(variance(inherent)), rel=1e-10)
        entropy = -sum(p * math.log(p) for p in inherent)
        assert found.inherent_entropy[i] == pytest.approx(entropy, rel=1e-10)


@pytest.mark.parametrize("scale", [0.1, 3.0, 40.0])
@pytest.mark.parametrize("tau", [0.5, 1.0, 8.0])
def test_derived_spread_is_the_inherent_one_times_the_mass_of_wrong_classes(scale, tau):
    logits = scale * np.random.default_rng(0).normal(size=(50, 7))
    labels = np.arange(50) % 7
    found = distinctness.distinctness(logits, labels, tau)
    mass = found.wrong_mean * 6
    np.testing.assert_allclose(found.wrong_variance, mass**2 * found.inherent_variance, rtol=1e-9)
    np.testing.assert_allclose(1 - found.p_true, mass, atol=1e-12)


def test_a_sure_teacher_keeps_its_inherent_spread():
    logits = np.array([[60.0, 2.0, 1.0, 0.0]])
    found = distinctness.distinctness(logits, np.array([0]), 1.0)
    assert 0 < found.wrong_sd[0] < 1e-20
    assert found.inherent_sd[0] == pytest.approx(np.std(softmax([2.0, 1.0, 0.0])))


def test_two_classes_have_no_spread_and_it_is_not_0():
    found = distinctness.distinctness(np.array([[1.0, 0.0]]), np.array([0]), 1.0)
    assert found.wrong_mean[0] == pytest.approx(1 - 1 / (1 + math.exp(-1)))
    for name in distinctness.NAMES[2:]:
        assert np.isnan(getattr(found, name)).all()


@pytest.mark.parametrize("tau", [0.0, -1.0, math.nan])
def test_a_temperature_that_is_none_is_refused(teacher, tau):
    with pytest.raises(ValueError, match="above 0"):
        distinctness.distinctness(*teacher, tau)


def test_labels_that_are_no_classes_are_refused(teacher):
    with pytest.raises(ValueError, match="from 0 to 5"):
        distinctness.distinctness(teacher[0], teacher[1] + CLASSES, 1.0)


# -------------------------------------------------------------------------------------- signal

OBJECTIVES = {
    "kd": {"T": 3.0, "alpha": 0.7},
    "ts": {"tau_teacher": 4.0, "tau_student": 1.5, "alpha": 0.7},
    "ats": {"tau_true": 4.0, "tau_rest": 2.0, "tau_student": 1.5, "alpha": 0.7},
    "isats": {"tau_low": 0.5, "tau_high": 6.0, "cap": 0.4, "tau_student": 1.5, "alpha": 0.7},
    "fused": {"gamma": 0.6, "tau_teacher": 3.0, "tau_student": 1.5, "alpha": 0.7},
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_parts_of_a_signal_add_up_to_the_loss_that_is_trained(teacher, name):
    """alpha tau^2 (parts - entropy of the target) + (1 - alpha) CE is the objective's own loss."""
    logits, labels = teacher
    student = 2 * np.random.default_rng(7).normal(size=logits.shape)
    parameters = OBJECTIVES[name]
    target, tau = signal.target(name, parameters, logits, labels)
    logs = np.log([softmax(row / tau) for row in student])
    parts = signal.decompose(target, logs, labels)
    entropy = -np.array([sum(p * math.log(p) for p in row) for row in target])
    hard = [-math.log(softmax(row)[label]) for row, label in zip(student, labels, strict=True)]
    expected = 0.7 * tau**2 * (parts.total - entropy).mean() + 0.3 * np.mean(hard)
    tensors = [torch.tensor(each) for each in (student, labels)]
    more = {}
    if name == "fused":
        more = fused.prepare(logits[:, None], tensors[1], tau_teacher=3.0)
    module = __import__(f"distilscope.training.objectives.{name}", fromlist=["loss"])
    found = module.loss(*tensors, [torch.tensor(logits)], **parameters, **more)
    assert found.item() == pytest.approx(expected, rel=1e-6)


def test_the_parts_of_a_signal_are_their_definitions(teacher):
    logits, labels = teacher
    student = np.random.default_rng(7).normal(size=logits.shape)
    target = np.array([softmax(row / 2) for row in logits])
    logs = np.log([softmax(row) for row in student])
    found = signal.decompose(target, logs, labels)
    for i, label in enumerate(labels):
        wrong = [c for c in range(CLASSES) if c != label]
        mean = (1 - target[i, label]) / len(wrong)
        assert found.guidance[i] == pytest.approx(-target[i, label] * logs[i, label])
        assert found.regularisation[i] == pytest.approx(-mean * sum(logs[i, c] for c in wrong))
        apart = -sum((target[i, c] - mean) * logs[i, c] for c in wrong)
        assert found.discriminability[i] == pytest.approx(apart)
    np.testing.assert_allclose(found.total, -(target * logs).sum(axis=1), atol=1e-12)


def test_every_objective_that_ends_in_distil_says_at_what_it_aims():
    """Others, such as the matching of logits or a reverse divergence, have no such target."""
    modules = {n: sys.modules[o.loss.partition(":")[0]] for n, o in catalog.OBJECTIVES.items()}
    ending = {n for n, module in modules.items() if "soft.distil(" in inspect.getsource(module)}
    assert {n for n, o in catalog.OBJECTIVES.items() if o.target} == ending == OBJECTIVES.keys()
    assert signal.target("ce", {}, np.zeros((1, 2)), np.array([0])) is None


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_target_is_probabilities_in_double_precision(teacher, name):
    """As the softmax by hand where the objective is `kd` or `ts`, and adding up in each."""
    logits, labels = teacher
    found, tau = signal.target(name, OBJECTIVES[name], logits, labels)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=0, atol=1e-7)
    assert tau == (3.0 if name == "kd" else 1.5)
    softened = {"kd": 3.0, "ts": 4.0}.get(name)
    if softened:
        expected = [softmax(row / softened) for row in logits]
        np.testing.assert_allclose(found, expected, rtol=1e-12)


# ----------------------------------------------------------------------------------- relations


def test_the_relation_matrix_is_the_mean_of_wrong_probabilities_by_class(teacher):
    logits, labels = teacher
    found = relations.relation_matrix(logits, labels, 2.0)
    for label in range(CLASSES - 1):
        wrong = [c for c in range(CLASSES) if c != label]
        rows = [softmax([logits[i, c] / 2 for c in wrong]) for i in np.flatnonzero(labels == label)]
        assert found[label, wrong] == pytest.approx(np.mean(rows, axis=0))
        assert found[label, label] == 0
    assert relations.absent(found) == [CLASSES - 1]


def test_kendall_and_spearman_are_scipys_row_by_row(monkeypatch):
    monkeypatch.setattr(relations, "CHUNK", 40)
    random = np.random.default_rng(1)
    first = random.integers(0, 5, size=(30, 7)).astype(float)  # with ties
    second = random.normal(size=(30, 7))
    first[3] = 2.0  # level
    taus, rhos = relations.kendall(first, second), relations.spearman(first, second)
    assert np.isnan(taus[3]) and np.isnan(rhos[3])
    for i in (i for i in range(30) if i != 3):
        assert taus[i] == pytest.approx(stats.kendalltau(first[i], second[i]).statistic)
        assert rhos[i] == pytest.approx(stats.spearmanr(first[i], second[i]).statistic)


def test_top_classes_that_two_models_share():
    first = np.array([[5.0, 4.0, 3.0, 2.0], [5.0, 4.0, 3.0, 2.0]])
    second = np.array([[1.0, 9.0, 8.0, 0.0], [0.0, 1.0, 8.0, 9.0]])
    assert relations.top_overlap(first, second, 2).tolist() == [0.5, 0.0]
    assert np.isnan(relations.top_overlap(first, second, 4)).all()


def test_top_overlap_is_at_chance_for_strangers():
    random = np.random.default_rng(4)
    found = relations.top_overlap(*random.normal(size=(2, 4000, 10)), 3)
    assert found.mean() == pytest.approx(3 / 10, abs=0.01)


def test_matrices_of_strangers_are_alike_no_more_than_their_null():
    random = np.random.default_rng(9)
    ps = [relations.likeness(*random.uniform(size=(2, 8, 8)), 99, s).p for s in range(60)]
    assert 0.3 < np.mean(ps) < 0.7
    assert np.mean(np.array(ps) <= 0.05) <= 0.15


def test_a_matrix_with_noise_is_found_alike_and_absent_classes_do_not_count():
    random = np.random.default_rng(9)
    first = random.uniform(size=(9, 9))
    second = first + 0.1 * random.normal(size=(9, 9))
    second[4] = np.nan
    found = relations.likeness(first, second, 200)
    off = ~np.eye(9, dtype=bool)
    off[4] = False
    expected = stats.spearmanr(first[off], second[off]).statistic
    assert found.rho == pytest.approx(expected)
    assert found.p == pytest.approx(1 / 201)
    assert found.n == 8 * 8
    assert abs(found.null) < 0.1


def test_the_null_moves_rows_and_columns_together():
    """Against all 120 orders of five classes; entries of the diagonal never leave it."""
    random = np.random.default_rng(8)
    first, second = (each + each.T for each in random.uniform(size=(2, 5, 5)))
    np.fill_diagonal(second, 50.0)
    off = [(i, j) for i in range(5) for j in range(5) if i != j]
    every = []
    for order in itertools.permutations(range(5)):
        pairs = [(first[i, j], second[order[i], order[j]]) for i, j in off]
        every.append(stats.spearmanr(*zip(*pairs, strict=True)).statistic)
    found = relations.likeness(first, second, 3000)
    assert found.null == pytest.approx(np.mean(every), abs=0.02)
    assert found.high == pytest.approx(np.quantile(every, 0.95), abs=0.05)
    share = np.mean(np.array(every) >= every[0] - 1e-12)
    assert found.p == pytest.approx(share, abs=0.03)


def test_two_classes_have_no_relations_to_compare():
    found = relations.likeness(np.zeros((2, 2)), np.zeros((2, 2)))
    assert math.isnan(found.rho)
    assert found.reason == "fewer than three classes are defined"


def test_a_level_matrix_says_nothing():
    found = relations.likeness(np.ones((4, 4)), np.random.default_rng(0).uniform(size=(4, 4)))
    assert math.isnan(found.rho)
    assert "level" in found.reason


# ------------------------------------------------------------------------------------- planted


def test_a_planted_relation_is_found_and_a_shuffled_one_is_not():
    random = np.random.default_rng(3)
    place = np.repeat(np.arange(5), 4)  # 20 classes in five families
    tree = (place[:, None] == place).astype(float)
    labels = np.tile(np.arange(20), 15)
    logits = tree[labels] + random.normal(size=(300, 20))
    assert planted.of_images(logits, labels, tree).mean() > 0.2
    null = [
        planted.of_images(logits, labels, each).mean() for each in planted.shuffled(tree, 20, 0)
    ]
    assert max(map(abs, null)) < 0.08
    assert abs(np.mean(null)) < 0.01


def test_shuffled_trees_are_trees_of_other_classes():
    tree = composed_tree.relations()
    others = planted.shuffled(tree, 6, 1)
    assert len({other.tobytes() for other in (tree, *others)}) == 7
    for other in others:
        assert np.array_equal(other, other.T)
        assert (other.diagonal() == 4).all()
        assert np.array_equal(np.sort(tree, axis=None), np.sort(other, axis=None))
    fewer = planted.shuffled(tree, 2, 1)
    assert all(map(np.array_equal, fewer, others))  # more are the same first


def test_recovery_is_the_tau_of_each_images_wrong_classes():
    random = np.random.default_rng(3)
    tree, logits = random.integers(0, 4, size=(5, 5)), random.normal(size=(10, 5))
    labels = np.arange(10) % 5
    found = planted.of_images(logits, labels, tree)
    for i, label in enumerate(labels):
        wrong = [c for c in range(5) if c != label]
        expected = stats.kendalltau(logits[i, wrong], tree[label, wrong]).statistic
        assert found[i] == pytest.approx(expected, nan_ok=True)


# --------------------------------------------------------------------------------------- rungs


def test_rank_correlation_over_rungs_has_the_exact_permutation_p():
    first = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    second = np.array([1.0, 3.0, 2.0, 5.0, 4.0])
    found = rungs.correlation(first, second)
    assert found.rho == pytest.approx(stats.spearmanr(first, second).statistic)
    exact = stats.permutation_test(
        (first,),
        lambda x: stats.spearmanr(x, second).statistic,
        permutation_type="pairings",
    )
    assert found.p == pytest.approx(exact.pvalue)
    assert found.smallest_p == pytest.approx(2 / math.factorial(5))


def test_partial_rank_correlation_is_the_formula():
    random = np.random.default_rng(6)
    given = random.normal(size=9)
    first, second = given + random.normal(size=9), given + random.normal(size=9)
    a, b, c = (
        stats.spearmanr(x, y).statistic
        for x, y in ((first, second), (first, given), (second, given))
    )
    expected = (a - b * c) / math.sqrt((1 - b * b) * (1 - c * c))
    assert rungs.correlation(first, second, given).rho == pytest.approx(expected)


def test_a_ladder_of_one_has_no_correlation():
    found = rungs.correlation(np.array([1.0]), np.array([2.0]))
    assert math.isnan(found.rho)
    assert found.reason == "one rung: a ladder needs several"


def test_fewer_rungs_decide_a_strong_correlation():
    line = np.arange(6.0)
    strong = rungs.correlation(line, line + np.array([0, 1.5, 0, 0, 0, 0]))
    weak = rungs.correlation(line, np.array([3.0, 1, 5, 0, 4, 2]))
    assert strong.rungs_to_decide < 10
    assert weak.rungs_to_decide is None or weak.rungs_to_decide > 50
