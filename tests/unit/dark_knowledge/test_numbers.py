"""The numbers of dark knowledge on a made-up ladder whose truth is known."""

import itertools

import numpy as np
import pytest
from scipy import stats

from distilscope.analyses.dark_knowledge import student_rows, teacher_rows
from distilscope.data import composed_tree
from distilscope.planning.conditions import Condition

from .made_ladder import RUNGS, MadeLadder, rows_of, tuned

TREE = composed_tree.relations().astype(float)


# ------------------------------------------------------------------------------------ teachers


def test_surer_teachers_have_less_derived_spread_and_as_much_inherent(made):
    table = teacher_rows.add_distinctness(made.ladder())
    own = table[(table["probe"] == "train") & (table["scaling"] == "scalar") & (table["tau"] == 1)]
    by_rung = own.groupby(["measure", "network"])["value"].mean().unstack()[list(RUNGS)]
    assert (np.diff(by_rung.loc["wrong_sd"]) < 0).all()
    assert (np.diff(by_rung.loc["p_true"]) > 0).all()
    assert np.ptp(by_rung.loc["inherent_sd"]) < 0.1 * by_rung.loc["inherent_sd"].mean()


def test_asymmetric_temperatures_are_measured_on_training_images_alone(made):
    table = teacher_rows.add_distinctness(made.ladder())
    assert set(table.loc[table["scaling"] == "asymmetric", "probe"]) == {"train"}
    assert set(table["probe"]) == {"train", "held-out", "test"}


def test_one_row_stands_for_each_measure_of_a_teacher(made):
    ladder = made.ladder()
    teacher_rows.add_distinctness(ladder)
    rows = rows_of(ladder)
    headline = rows[rows["headline"]]
    assert not headline.duplicated(["model", "measure"]).any()
    assert set(headline["probe"]) == {"train"}
    assert set(headline["tau"]) == {4.0}


def test_each_pair_of_teachers_is_compared_once_and_named(made):
    made.add(
        "wide-s1", Condition("floor", "wide"), 1, np.random.default_rng(5).normal(size=(96, 24))
    )
    table = teacher_rows.relations_table(made.ladder())
    own = table[table["measure"] == "wrong_kendall"]
    assert own["kind"].value_counts().to_dict() == {"rungs": 40, "floor": 10, "seeds": 5}
    mean = own.groupby("kind")["value"].mean()
    assert mean["rungs"] > 0.3
    assert mean["seeds"] == pytest.approx(mean["rungs"], abs=0.05)  # the same truth and noise
    assert abs(mean["floor"]) < 0.05
    like = table[(table["measure"] == "relation_rho") & (table["kind"] == "rungs")]
    assert (like["p"] <= 0.02).all()
    assert (like["null"].abs() < 0.2).all()


def test_a_teachers_summary_is_the_mean_over_its_pairs(made):
    ladder = made.ladder()
    table = teacher_rows.relations_table(ladder)
    rows = rows_of(ladder)
    pairs = table[(table["measure"] == "wrong_kendall") & (table["kind"] == "rungs")]
    own = pairs[(pairs["model"] == "r2-s101") | (pairs["reference"] == "r2-s101")]
    found = rows[(rows["model"] == "r2-s101") & (rows["measure"] == "wrong_kendall_rungs")]
    assert found["value"].item() == pytest.approx(own["value"].mean())
    assert len(own) == 8


def test_a_ladder_of_one_says_so(tmp_path):
    made = MadeLadder(tmp_path)
    made.teachers(rungs=RUNGS[:1])
    ladder = made.ladder()
    teacher_rows.relations_table(ladder)
    rows = rows_of(ladder).set_index(["model", "measure"])
    row = rows.loc[("r1-s101", "wrong_kendall_rungs")]
    assert np.isnan(row["value"])
    assert row["reason"] == "a ladder of one: there is no other teacher"
    table = student_rows.rungs_table(ladder, None)
    assert set(table["reason"]) == {"one rung: a ladder needs several"}


def test_two_classes_have_no_spread_and_no_order_and_say_so(tmp_path):
    made = MadeLadder(tmp_path, classes=2)
    made.teachers(rungs=RUNGS[:2])
    ladder = made.ladder()
    teacher_rows.add_distinctness(ladder)
    table = teacher_rows.relations_table(ladder)
    rows = rows_of(ladder)
    spread = rows[rows["measure"] == "wrong_sd"]
    assert spread["value"].isna().all()
    assert set(spread["reason"]) == {"two classes: the one wrong class has no spread"}
    assert table["value"].isna().all()
    assert table["reason"].notna().all()


def test_a_class_without_an_image_is_named(tmp_path):
    made = MadeLadder(tmp_path)
    made.labels = np.arange(96) % 23  # the last class has none
    made.teachers(rungs=RUNGS[:2])
    table = teacher_rows.relations_table(made.ladder())
    reasons = table.loc[table["measure"] == "relation_rho", "reason"]
    assert set(reasons) == {"without hull flag window eye, which have no image"}


def test_the_planted_tree_is_found_and_a_shuffled_one_is_not(made):
    made.settings["planted"] = "composed-tree"
    made.add(
        "wide-s1", Condition("floor", "wide"), 1, np.random.default_rng(5).normal(size=(96, 24))
    )
    ladder = made.ladder()
    teacher_rows.add_planted(ladder)
    rows = rows_of(ladder)
    teachers = rows[rows["model"] != "wide-s1"]
    mean = teachers[teachers["headline"]].groupby("measure")["value"].mean()
    assert mean["planted_kendall"] > 0.5
    assert mean["planted_relation_rho"] > 0.6
    assert abs(mean["planted_kendall_null"]) < 0.02
    assert abs(mean["planted_relation_rho_null"]) < 0.03
    null = teachers[teachers["measure"].str.endswith("_null") & teachers["headline"]]
    found = teachers[~teachers["measure"].str.endswith("_null") & teachers["headline"]]
    assert (null["low"] < 0).all() and (null["high"] > 0).all()
    assert found["value"].min() > null["high"].max()
    assert set(null["interval"]) == {"shuffles"} and set(null["n"]) == {20}
    floor = rows[(rows["model"] == "wide-s1") & rows["headline"]]
    assert floor["value"].abs().max() < 0.12


def test_the_null_is_the_mean_over_shuffled_trees_and_where_most_of_them_lie(tmp_path):
    made = MadeLadder(tmp_path, images=24, planted="composed-tree", shuffles=3, seed=5)
    made.teachers(rungs=RUNGS[:1], related=TREE)
    ladder = made.ladder()
    teacher_rows.add_planted(ladder)
    logits, random = made.said["test"]["r1-s101"].logits, np.random.default_rng(5)
    means = []
    for _ in range(3):
        order = random.permutation(24)
        taus = []
        for i, label in enumerate(made.labels):
            wrong = [c for c in range(24) if c != label]
            related = [TREE[order[label], order[c]] for c in wrong]
            taus.append(stats.kendalltau(logits[i, wrong], related).statistic)
        means.append(np.mean(taus))
    rows = rows_of(ladder)
    row = rows[(rows["measure"] == "planted_kendall_null") & (rows["model"] == "r1-s101")].iloc[0]
    low, middle, high = sorted(means)
    assert row["value"] == pytest.approx(np.mean(means))
    assert row["low"] == pytest.approx(low + 0.05 * (middle - low))
    assert row["high"] == pytest.approx(high - 0.05 * (high - middle))


def test_a_model_that_ranks_no_class_has_no_null_and_says_so(tmp_path):
    made = MadeLadder(tmp_path, planted="composed-tree")
    made.add("r1-s101", Condition("teacher", "r1", objective="ce"), 101, np.zeros((96, 24)))
    ladder = made.ladder()
    teacher_rows.add_planted(ladder)
    rows = rows_of(ladder)
    assert rows["value"].isna().all()
    assert rows["reason"].notna().all()


def test_classes_that_are_not_the_trees_are_refused(tmp_path):
    made = MadeLadder(tmp_path, classes=5, planted="composed-tree")
    made.teachers(rungs=RUNGS[:1])
    with pytest.raises(ValueError, match="classes are not those of composed-tree"):
        teacher_rows.add_planted(made.ladder())


# ------------------------------------------------------------------------------------ students


def test_arms_are_chosen_by_the_seed_of_tuning_and_reported_by_the_others(made):
    table = student_rows.arms_table(tuned(made)).set_index(["arm", "teacher"])
    assert set(table.index.get_level_values("arm")) == {"shared τ", "best τ", "ats"}
    shared = table.loc["shared τ"]["condition"]
    assert shared.map(lambda name: name.split("-")[2]).eq("4").all()
    best = table.loc["best τ"]["condition"].map(lambda name: name.split("-")[2])
    assert best.to_dict() == {**dict.fromkeys(RUNGS, "4"), "r5": "2"}
    assert (table["seeds"] == 2).all()
    assert table.loc[("best τ", "r1"), "accuracy"] == pytest.approx(0.75 + 0.03125, abs=0.01)
    assert (table["tries"] == 2).all()


def test_a_seed_that_trains_badly_in_every_arm_does_not_widen_their_intervals(made):
    # 0.5 of accuracy between seeds 2 and 3 in all arms; `ats` is 1/16 better under seed 3 alone
    for rung, tau, seed in itertools.product(RUNGS, (2.0, 4.0), (1, 2, 3)):
        test = {1: 0.5, 2: 0.875, 3: 0.375}[seed]
        made.student(rung, "ts", seed, test, 0.5, tau_teacher=tau)
        better = test + (0.0625 if seed == 3 else 0.0)
        made.student(rung, "ats", seed, better, 0.5, tau_true=4.0, tau_rest=tau)
    table = student_rows.arms_table(made.ladder()).set_index(["arm", "teacher"])
    # by hand: half of the models have the 1/16, so that a seed's mean hides 1/32 of it, and an
    # arm's two values lie 1/32 apart; t = 12.706 of one degree of freedom; 20 models a seed
    half = 12.7062 * (1 / 32) / 2 * np.sqrt(20 / 19)
    for arm in ("ats", "best τ"):
        row = table.loc[(arm, "r1")]
        assert row["high"] - row["accuracy"] == pytest.approx(half, rel=1e-3)
        assert row["accuracy"] - row["low"] == pytest.approx(half, rel=1e-3)


def test_over_rungs_a_students_accuracy_goes_with_what_it_was_made_from(made):
    ladder = tuned(made)
    table = student_rows.rungs_table(ladder, student_rows.arms_table(ladder))
    found = {
        (row["first"], row["second"]): row
        for row in table[table["given"].isna()].to_dict("records")
    }
    size = found["size", "distinctness"]
    assert size["rho"] == -1.0
    assert size["p"] == size["smallest_p"] == pytest.approx(2 / 120)
    own = found["distinctness", "student's accuracy"]
    assert own["rho"] == pytest.approx(1.0)
    assert own["rungs"] == 5


def test_a_signal_is_split_on_training_images(made):
    ladder = tuned(made)
    student_rows.add_signals(ladder)
    rows = rows_of(ladder)
    wide = rows.pivot_table(index="model", columns="measure", values="value")
    parts = wide[["guidance", "regularisation", "discriminability"]].sum(axis=1)
    np.testing.assert_allclose(parts, wide["soft_cross_entropy"], rtol=1e-6)
    assert set(rows["probe"]) == {"train"}
    assert len(wide) == len(ladder.students)
