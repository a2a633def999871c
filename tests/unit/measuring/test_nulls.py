import itertools

import numpy as np
import pytest
from scipy import stats
from scipy.spatial import distance

from distilscope.analyses.alignment import maps, nulls


def _pair(n=60, pixels=25, seed=0):
    generator = np.random.default_rng(seed)
    return np.abs(generator.standard_normal((2, n, pixels)))


def test_partners_are_other_members_of_the_class_and_each_shuffle_uses_each_once():
    groups = np.arange(50) % 4
    member = np.random.default_rng(0).random(50) < 0.7
    table = nulls.partners(groups, member, 20, 3)
    for shuffle in table:
        assert np.all(shuffle[~member] == -1)
        taking = np.flatnonzero(member)
        assert np.all(groups[shuffle[taking]] == groups[taking])
        assert np.all(shuffle[taking] != taking)
        assert sorted(shuffle[taking]) == sorted(taking)


def test_partners_are_spread_evenly_over_the_others():
    table = nulls.partners(np.zeros(5, int), np.ones(5, bool), 4000, 0)
    share = np.bincount(table[:, 0], minlength=5) / 4000
    np.testing.assert_allclose(share, [0, 0.25, 0.25, 0.25, 0.25], atol=0.03)


def test_partners_are_the_same_for_the_same_seed():
    arguments = np.arange(30) % 3, np.ones(30, bool), 20
    np.testing.assert_array_equal(nulls.partners(*arguments, 1), nulls.partners(*arguments, 1))
    assert np.any(nulls.partners(*arguments, 1) != nulls.partners(*arguments, 2))


def test_the_only_member_of_a_class_has_no_null():
    groups = np.array([0, 0, 1])
    table = nulls.partners(groups, np.ones(3, bool), 20, 0)
    units = maps.unit_rows(_pair(3)[0])
    (means,) = nulls.shuffled_means(nulls.of_units(units, units).all_pairs, groups, [table])
    assert np.isnan(means[2])
    assert np.isfinite(means[:2]).all()


def test_no_members_give_no_null():
    table = nulls.partners(np.zeros(4, int), np.zeros(4, bool), 20, 0)
    units = maps.unit_rows(_pair(4)[0])
    (means,) = nulls.shuffled_means(nulls.of_units(units, units).all_pairs, np.zeros(4), [table])
    assert np.isnan(means).all()


def test_the_null_of_rho_equals_a_loop_with_scipy():
    model, reference = _pair()
    groups = np.arange(60) % 3
    table = nulls.partners(groups, np.ones(60, bool), 20, 0)
    units = [maps.unit_rows(maps.average_ranks(side)) for side in (model, reference)]
    (means,) = nulls.shuffled_means(nulls.of_units(*units).all_pairs, groups, [table])
    for i in range(0, 60, 7):
        scores = [stats.spearmanr(model[i], reference[j]).statistic for j in table[:, i]]
        assert means[i] == pytest.approx(np.mean(scores), abs=1e-6)


def test_the_null_of_iou_equals_a_loop_and_skips_undefined_partners():
    model, reference = _pair()
    reference[::4] = 0.0
    groups = np.zeros(60, int)
    table = nulls.partners(groups, np.ones(60, bool), 20, 0)
    orders = maps.TopOrder.of(model), maps.TopOrder.of(reference)
    (means,) = nulls.shuffled_means(nulls.of_ious(*orders, 0.2).all_pairs, groups, [table])
    for i, j_s in itertools.islice(enumerate(table.T), 0, 60, 9):
        scores = []
        for j in j_s:
            if j % 4 == 0:
                continue
            first, second = set(np.argsort(-model[i])[:5]), set(np.argsort(-reference[j])[:5])
            scores.append(len(first & second) / len(first | second))
        assert means[i] == pytest.approx(np.mean(scores), abs=1e-6)


def test_two_tables_are_answered_from_one_matrix_each_within_its_members():
    model, reference = _pair()
    groups = np.arange(60) % 2
    half = np.arange(60) < 30
    tables = [nulls.partners(groups, member, 20, 0) for member in (np.ones(60, bool), half)]
    pairs = nulls.of_units(maps.unit_rows(model), maps.unit_rows(reference)).all_pairs
    both = nulls.shuffled_means(pairs, groups, tables)
    alone = nulls.shuffled_means(pairs, groups, tables[1:])
    np.testing.assert_allclose(both[1], alone[0], atol=1e-6)
    assert np.isnan(both[1][30:]).all()
    assert np.isfinite(both[0]).all()


def test_strangers_are_members_of_other_classes_and_all_of_them_come_up():
    groups = np.array([0, 1, 2, 0, 1, 2, 2, 0])
    member = np.array([True, True, True, True, True, False, True, False])
    table = nulls.other_class_partners(groups, member, shuffles=400, seed=3)
    assert (table[:, ~member] == -1).all()
    for image in np.flatnonzero(member):
        others = np.flatnonzero(member & (groups != groups[image]))
        drawn, counts = np.unique(table[:, image], return_counts=True)
        np.testing.assert_array_equal(drawn, others)
        assert stats.chisquare(counts).pvalue > 1e-3
    np.testing.assert_array_equal(
        table, nulls.other_class_partners(groups, member, shuffles=400, seed=3)
    )


def test_one_class_has_no_strangers():
    everyone = np.ones(4, bool)
    assert (nulls.other_class_partners(np.zeros(4, int), everyone) == -1).all()
    assert (nulls.other_class_partners(np.arange(4), np.zeros(4, bool)) == -1).all()


def test_the_mean_over_strangers_equals_a_loop_with_scipy():
    generator = np.random.default_rng(0)
    groups, member = np.arange(12) % 3, np.arange(12) != 5
    model, reference = np.maximum(generator.standard_normal((2, 12, 30)), -0.5)
    reference[7] = 1.0
    table = nulls.other_class_partners(groups, member, shuffles=6)
    units = (maps.unit_rows(maps.average_ranks(side)) for side in (model, reference))
    found = nulls.drawn_means(nulls.of_units(*units).drawn, table)
    for image in range(12):
        if not member[image]:
            assert np.isnan(found[image])
            continue
        chosen = [p for p in table[:, image] if p != 7]
        expected = [stats.spearmanr(model[image], reference[p]).statistic for p in chosen]
        assert found[image] == pytest.approx(np.mean(expected), abs=1e-6)


def test_the_overlap_with_strangers_equals_sets():
    rows = np.random.default_rng(1).random((9, 20))
    groups, order = np.arange(9) // 3, maps.TopOrder.of(rows)
    table = nulls.other_class_partners(groups, np.ones(9, bool), shuffles=5)
    found = nulls.drawn_means(nulls.of_ious(order, order, 0.2).drawn, table)
    tops = [set(np.argsort(-row)[:4]) for row in rows]
    for image in range(9):
        scores = [len(tops[image] & tops[p]) / len(tops[image] | tops[p]) for p in table[:, image]]
        assert found[image] == pytest.approx(np.mean(scores))


def test_the_nulls_of_cosine_and_mass_lift_equal_loops():
    model, reference = _pair(24)
    model[3], reference[5, 2:] = 0.0, 0.0  # no length; fewer positive pixels than the set holds
    groups, everyone = np.arange(24) % 3, np.ones(24, bool)
    orders = maps.TopOrder.of(reference)
    cosine = nulls.of_units(maps.unit_lengths(model), maps.unit_lengths(reference))
    lift = nulls.of_mass_lifts(model, orders, 0.2)
    for table, mean in (
        (nulls.partners(groups, everyone, 20, 0), "shuffled"),
        (nulls.other_class_partners(groups, everyone, 20, 0), "drawn"),
    ):
        found = [
            nulls.shuffled_means(score.all_pairs, groups, [table])[0]
            if mean == "shuffled"
            else nulls.drawn_means(score.drawn, table)
            for score in (cosine, lift)
        ]
        for i, others in enumerate(table.T):
            if i == 3:
                assert np.isnan([values[i] for values in found]).all()
                continue
            angles = [1 - distance.cosine(model[i], reference[j]) for j in others]
            assert found[0][i] == pytest.approx(np.mean(angles), abs=1e-6)
            tops = [np.argsort(-reference[j])[:5] for j in others if j != 5]
            lifts = [5 * model[i, top].sum() / model[i].sum() for top in tops]
            assert found[1][i] == pytest.approx(np.mean(lifts), rel=1e-5)
