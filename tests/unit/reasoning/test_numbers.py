"""The other numbers of reasoning, against loops over items."""

import math

import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import entropy, spearmanr

from distilscope import store
from distilscope.analyses.reasoning import tokens
from distilscope.analyses.reasoning.measure import conclude, measure
from distilscope.data.tasks.declared import TASKS
from distilscope.statistics.values import Values

from .made_study import MadeStudy, erring, gold
from .test_planted import value

SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A teacher and its twin that err, students that gain, and their controls."""
    made = MadeStudy(
        tmp_path_factory.mktemp("study"), ("add", "sum", "fact", "sort", "count", "multiply")
    )
    made.add("teacher-s1", "teacher", erring(0.3, 1))
    teacher = [("teacher-s1", "teacher")]
    made.add("twin-s2", "twin", erring(0.3, 2), 2, [("teacher-s1", "twin")], "teacher")
    for network, rate in (("small", 0.6), ("large", 0.4)):
        for seed in SEEDS:
            taught = {"references": teacher, "network": network}
            answers = erring(rate, 10 * seed)
            made.add(f"{network}-sft-s{seed}", "control", answers, seed, objective="ce", **taught)
            for t in (1.0, 2.0):
                own = {"objective": "kd", "parameters": (("T", t),), "teachers": ("teacher",)}
                answers = erring(rate - 0.1 * t, seed)
                made.add(f"{network}-kd{t:g}-s{seed}", "student", answers, seed, **taught, **own)
    return made


@pytest.fixture(scope="module")
def measured(made):
    study = made.study()
    assert measure(study, made.settings) == {}
    rows = study.rows.frame()
    return rows, conclude(study, made.settings, rows)


@pytest.fixture(scope="module")
def rows(measured):
    return measured[0]


def right(made, model, task=None):
    return np.array(
        [
            answer == item.answer
            for item, (_, answer) in zip(made.items, made.told[model], strict=True)
            if task in (None, item.task)
        ]
    )


def test_accuracy_is_counted_over_all_items_and_by_task(made, rows):
    for task in (None, "add", "sort"):
        found = value(rows, "small-sft-s1", "exact_accuracy", task=task)
        assert found == pytest.approx(right(made, "small-sft-s1", task).mean())


def test_intervals_over_items_are_called_so_and_claims_know_them_for_intervals_over_examples(made):
    study = made.study()
    study.rows.unit = "items"
    measure(study, made.settings)
    table = study.rows.frame()
    assert set(table["interval"].dropna()) == {"items"}
    own = value(table, "small-kd1-s1", "exact_accuracy", column="model")
    headline = table[table["headline"]].assign(**{"class": float("nan")})
    known = Values.of(headline.to_dict("records"), {own: ("small-kd1", 1)}, study.conditions, 4)
    assert (own, None) in known.intervals["exact_accuracy", "all", None]


def test_improvement_is_over_the_control_of_the_same_network_and_seed(made, rows):
    student, control = "large-kd1-s2", "large-sft-s2"
    gain = right(made, student).mean() - right(made, control).mean()
    assert value(rows, student, "improvement") == pytest.approx(gain)
    assert value(rows, student, "control_accuracy") == pytest.approx(right(made, control).mean())
    low, high = (value(rows, student, "improvement", column=end) for end in ("low", "high"))
    assert low < gain < high
    assert rows[(rows["measure"] == "improvement") & (rows["model"] == control)].empty


def test_a_student_without_a_control_says_so(tmp_path):
    made = MadeStudy(tmp_path, ("add", "sort"), test=4)
    made.add("teacher-s1", "teacher", gold)
    made.add("alone-s1", "student", gold, references=[("teacher-s1", "teacher")])
    study = made.study()
    measure(study, made.settings)
    found = study.rows.frame()
    assert math.isnan(value(found, "alone-s1", "improvement"))
    assert "same" not in value(found, "alone-s1", "improvement", column="reason")
    assert "labels only" in value(found, "alone-s1", "improvement", column="reason")
    assert conclude(study, made.settings, found)["reasoning_tests"].empty


def test_agreement_beyond_accuracies_is_computed_within_tasks(made, rows):
    expected, sizes, agreed = [], [], []
    for task in dict.fromkeys(item.task for item in made.items):
        own, other = right(made, "small-kd1-s1", task), right(made, "teacher-s1", task)
        expected.append(own.mean() * other.mean())
        sizes.append(len(own))
        pairs = zip(made.items, made.told["small-kd1-s1"], made.told["teacher-s1"], strict=True)
        same = [a == b for item, (_, a), (_, b) in pairs if item.task == task]
        agreed.append(np.mean(same))
    by_hand = np.average(expected, weights=sizes)
    pair = ("small-kd1-s1", "teacher-s1")
    found = value(rows, pair[0], "answer_agreement_expected", pair[1])
    assert found == pytest.approx(by_hand)
    excess = value(rows, pair[0], "answer_agreement_excess", pair[1])
    assert excess == pytest.approx(np.average(agreed, weights=sizes) - by_hand)
    assert value(rows, pair[0], "answer_agreement_excess", pair[1], column="low") < excess


def test_the_choices_of_teacher_right_and_teacher_wrong_items_are_counted_apart(made, rows):
    student, teacher = made.outputs["small-kd1-s1"], made.outputs["teacher-s1"]
    same = student.prediction == teacher.prediction
    for subset, kept in (
        ("reference-right", teacher.correct),
        ("reference-wrong", ~teacher.correct),
    ):
        found = value(rows, "small-kd1-s1", "choice_agreement", "teacher-s1", subset=subset)
        assert found == pytest.approx(same[kept].mean())


def test_the_answers_on_teacher_right_and_teacher_wrong_items_are_counted_apart(made, rows):
    student, teacher = (
        np.array([answer for _, answer in made.told[name]])
        for name in ("small-kd1-s1", "teacher-s1")
    )
    right = np.array([item.answer for item in made.items]) == teacher
    assert 0 < right.sum() < len(right)
    for subset, kept in (("reference-right", right), ("reference-wrong", ~right)):
        pair = ("small-kd1-s1", "answer_agreement", "teacher-s1")
        found = value(rows, *pair, subset=subset)
        assert found == pytest.approx((student == teacher)[kept].mean())
        assert value(rows, *pair, subset=subset, column="n") == kept.sum()


def test_divergence_over_choices_and_on_gold_text_is_from_the_teacher_to_the_student(made, rows):
    student, teacher = made.outputs["small-kd1-s1"], made.outputs["teacher-s1"]
    by_item = [
        entropy(np.exp(log_softmax(t)), np.exp(log_softmax(s)))
        for t, s in zip(teacher.logits.astype(float), student.logits.astype(float), strict=True)
    ]
    found = value(rows, "small-kd1-s1", "choice_kl", "teacher-s1")
    assert found == pytest.approx(np.mean(by_item), rel=1e-5)
    read = [
        store.read_tensors(made.folder / name / "test" / "token_logits.safetensors")["logits"]
        for name in ("teacher-s1", "small-kd1-s1")
    ]
    by_token = [
        entropy(np.exp(log_softmax(t)), np.exp(log_softmax(s)))
        for t, s in zip(*(each.astype(float) for each in read), strict=True)
    ]
    found = value(rows, "small-kd1-s1", "token_kl", "teacher-s1")
    assert found == pytest.approx(np.mean(by_token))


def test_divergence_on_gold_text_is_the_same_of_logits_that_are_made_of_hidden_states(
    tmp_path, monkeypatch
):
    random = np.random.default_rng(0)
    at = {"index": np.repeat(np.arange(4), 2), "position": np.tile(np.arange(2), 4)}
    said = []
    for name, width, bias in (("own", 3, False), ("other", 5, True)):
        tensors = {
            "states": random.normal(size=(8, width)).astype(np.float16),
            "head": random.normal(size=(11, width)).astype(np.float16),
            **({"bias": random.normal(size=11).astype(np.float16)} if bias else {}),
        }
        logits = np.einsum(
            "ph,vh->pv", *(tensors[key].astype(float) for key in ("states", "head"))
        ) + tensors.get("bias", 0)
        store.write_tensors(tmp_path / f"{name}.safetensors", {**at, **tensors})
        store.write_tensors(tmp_path / f"{name}-whole.safetensors", {**at, "logits": logits})
        said.append(logits)
    expected = [
        entropy(np.exp(log_softmax(t)), np.exp(log_softmax(s))) for s, t in zip(*said, strict=True)
    ]
    monkeypatch.setattr(tokens, "PIECE", 3 * 11)
    for own, other in (("own", "other"), ("own-whole", "other"), ("own", "other-whole")):
        read = [tokens.TokenLogits.read(tmp_path / f"{name}.safetensors") for name in (own, other)]
        np.testing.assert_allclose(tokens.divergence(*read), expected, rtol=1e-5)


def test_choices_without_the_question_are_at_chance_and_agree_by_chance(rows):
    kept = rows[(rows["measure"] == "question_free_accuracy") & rows["task"].isna()]
    assert kept["value"].between(0.05, 0.5).all()
    pairs = rows[(rows["measure"] == "question_free_agreement") & rows["task"].isna()]
    assert pairs["value"].between(0.05, 0.5).all()


def test_steps_of_another_item_are_the_null(rows):
    own = value(rows, "large-kd1-s1", "step_fidelity", "teacher-s1")
    null = value(rows, "large-kd1-s1", "step_fidelity_null", "teacher-s1")
    assert null < 0.1 < own


def test_an_only_item_of_its_task_has_no_other_to_be_the_null(tmp_path):
    made = MadeStudy(tmp_path, ("add", "sort"), test=1)
    for name in ("teacher-s1", "twin-s2"):
        made.add(name, name[: name.index("-")], gold, references=[("teacher-s1", "twin")])
    study = made.study()
    measure(study, made.settings)
    rows = study.rows.frame()
    assert value(rows, "twin-s2", "trace_bleu", "teacher-s1") == pytest.approx(100)
    assert math.isnan(value(rows, "twin-s2", "trace_bleu_null", "teacher-s1"))
    said = value(rows, "twin-s2", "trace_bleu_null", "teacher-s1", column="reason")
    assert said == "no task with worked solutions has two items"


def test_the_table_of_tests_has_the_trained_model_as_unit_and_the_published_test_beside_it(
    made, measured
):
    rows, tables = measured
    tests = tables["reasoning_tests"].set_index("task")
    names = [f"{n}-kd{t}" for n in ("small", "large") for t in (1, 2)]
    gain = {(n, s): value(rows, f"{n}-s{s}", "improvement") for n in names for s in SEEDS}
    # of conditions that differ in temperature alone the one with the lowest counts
    by_seed = [np.mean([gain[f"{n}-kd1", s] for n in ("small", "large")]) for s in SEEDS]
    assert tests.at["all", "value"] == pytest.approx(np.mean(by_seed))
    assert tests.at["all", "seeds"] == len(SEEDS)
    half = 4.302653 * np.std(by_seed, ddof=1) / math.sqrt(3)  # t of two degrees of freedom
    assert tests.at["all", "high"] == pytest.approx(np.mean(by_seed) + half)
    # a row for each network, at the temperature that is best on the test items
    best = [
        max(np.mean([gain[f"{n}-kd{t}", s] for s in SEEDS]) for t in (1, 2))
        for n in ("small", "large")
    ]
    assert tests.at["all", "published_value"] == pytest.approx(np.mean(best))
    assert tests.at["all", "published_rows"] == 2
    assert set(tests.index) == {"all", *(item.task for item in made.items)}


def test_a_condition_of_few_seeds_takes_no_seed_from_the_test_of_all(made, measured):
    rows, tables = measured
    fewer = rows[~((rows["seed"] > 1) & (rows["condition"] == "small-kd1"))]
    tests = conclude(made.study(), made.settings, fewer)["reasoning_tests"].set_index("task")
    assert tests.at["all", "seeds"] == 3 and tests.at["all", "conditions"] == 1
    assert tables["reasoning_tests"].set_index("task").at["all", "conditions"] == 2


def test_an_ablation_is_no_way_to_distil_and_counts_in_neither_test(made, measured):
    rows, _ = measured
    settings = {**made.settings, "ablations": [{"network": "large"}]}
    tests = conclude(made.study(), settings, rows)["reasoning_tests"].set_index("task").loc["all"]
    gain = np.mean([value(rows, f"small-kd1-s{s}", "improvement") for s in SEEDS])
    assert tests["value"] == pytest.approx(gain)
    assert (tests["conditions"], tests["published_rows"]) == (1, 1)


def test_gains_at_one_score_are_the_groups_of_a_regression_on_that_score(made, rows):
    tasks = list(dict.fromkeys(item.task for item in made.items))
    points = []  # network, score before under other seeds, gain: of each task
    for network in ("small", "large"):
        score = {s: [right(made, f"{network}-sft-s{s}", t).mean() for t in tasks] for s in SEEDS}
        own = [right(made, f"{network}-kd1-s1", t).mean() for t in tasks]
        before = np.mean([score[2], score[3]], axis=0)
        points += [
            (network == "small", b, o - c) for b, o, c in zip(before, own, score[1], strict=True)
        ]
    small, before, gain = np.array(points, float).T
    design = np.column_stack([np.ones(len(gain)), small, before])
    effect = np.linalg.lstsq(design, gain, rcond=None)[0][1]
    ours = [value(rows, f"{n}-kd1-s1", "improvement_held") for n in ("small", "large")]
    assert ours[0] - ours[1] == pytest.approx(effect)
    assert np.mean(ours) == pytest.approx(gain.mean())  # at the mean score of all


def test_where_nothing_can_be_held_fixed_the_reason_is_said(tmp_path):
    made = MadeStudy(tmp_path, ("add", "sort"), test=4)
    made.add("teacher-s1", "teacher", gold)
    beside = {"references": [("teacher-s1", "teacher")], "network": "small"}
    made.add("small-sft-s1", "control", erring(0.5, 1), 1, objective="ce", **beside)
    own = {"objective": "kd", "teachers": ("teacher",), **beside}
    made.add("small-kd-s1", "student", gold, 1, **own)
    study = made.study()
    measure(study, made.settings)
    rows = study.rows.frame()
    assert np.isnan(value(rows, "small-kd-s1", "improvement_held"))
    said = value(rows, "small-kd-s1", "improvement_held", column="reason")
    assert "under another seed" in said


def test_the_table_of_tasks_has_each_condition_on_each_task(made, measured):
    rows, tables = measured
    table = tables["reasoning_tasks"]
    assert set(table["task"]) == {"all", *(item.task for item in made.items)}
    own = table[(table["condition"] == "small-kd1") & (table["task"] == "sort")].iloc[0]
    by_seed = [value(rows, f"small-kd1-s{s}", "exact_accuracy", task="sort") for s in SEEDS]
    assert own["exact_accuracy"] == pytest.approx(np.mean(by_seed))
    assert own["reference"] == "teacher" and own["seeds"] == 3
    assert TASKS["sort"].traced is False and np.isnan(own["step_fidelity"])


def test_a_gain_where_the_teacher_is_good_is_found_over_tasks(made, rows):
    student = "small-kd2-s1"
    names = list(dict.fromkeys(item.task for item in made.items))
    gain = [right(made, student, t).mean() - right(made, "small-sft-s1", t).mean() for t in names]
    known = [right(made, "teacher-s1", t).mean() for t in names]
    found = value(rows, student, "gain_reference_rho", "teacher-s1")
    assert found == pytest.approx(spearmanr(gain, known).statistic)


def test_models_that_answered_other_items_are_refused(tmp_path):
    made = MadeStudy(tmp_path, ("add", "sort"), test=4)
    made.add("teacher-s1", "teacher", gold)
    path = tmp_path / "teacher-s1" / "test" / "answers.parquet"
    answers = store.read_table(path)
    store.write_table(path, answers.iloc[1:])
    with pytest.raises(ValueError, match="other items than the texts of the study"):
        measure(made.study(), made.settings)
