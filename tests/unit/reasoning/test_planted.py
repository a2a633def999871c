"""Planted truths: a student that copies its teacher's planted errors, or its other procedure, is
found, and one that does not is not.
"""

import numpy as np
import pytest

from distilscope.analyses.reasoning.measure import measure

from .made_study import (
    MadeStudy,
    erring,
    gold,
    other_procedure,
    other_wrong_choice,
    silent,
    wrong_facts,
)


def measured(made):
    study = made.study()
    measure(study, made.settings)
    return study.rows.frame()


def value(rows, model, measure, reference=None, task=None, subset="all", column="value"):
    """The one number there."""
    found = rows[(rows["model"] == model) & (rows["measure"] == measure)]
    found = found[found["subset"] == subset]
    for name, wanted in (("reference", reference), ("task", task)):
        found = found[found[name].isna() if wanted is None else found[name] == wanted]
    assert len(found) == 1, (model, measure, found)
    return found.iloc[0][column]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two planted teachers and a gold one; students that copy, half copy, or learned the gold."""
    made = MadeStudy(tmp_path_factory.mktemp("study"), test=40)
    facts, way, right = "facts-s1", "way-s1", "right-s1"
    made.add(facts, "teacher", wrong_facts)
    made.add(way, "teacher", other_procedure)
    made.add(right, "teacher", gold)
    beside = [(name, "teacher") for name in (facts, way, right)]
    told = {
        "copies-facts": wrong_facts,
        "copies-way": other_procedure,
        "sft": gold,
        "errs-otherwise": other_wrong_choice,
        "silent": silent,
        "half": erring(0.5, 3, wrong_facts),
    }
    for name, answers in told.items():
        role = "control" if name == "sft" else "student"
        made.add(f"{name}-s1", role, answers, 1, beside, "small", objective="ce")
    return made


@pytest.fixture(scope="module")
def rows(made):
    return measured(made)


def test_a_student_that_copies_planted_errors_is_told_from_one_that_learned_the_gold(rows):
    for name in ("planted_errors_copied", "planted_choices_copied"):
        assert value(rows, "copies-facts-s1", name, "facts-s1") == 1
        assert value(rows, "sft-s1", name, "facts-s1") == 0
        assert value(rows, "copies-way-s1", name, "facts-s1") == 0


def test_to_be_wrong_otherwise_than_the_teacher_is_not_to_copy_it(rows):
    assert value(rows, "errs-otherwise-s1", "planted_errors_copied", "facts-s1") == 0
    assert value(rows, "errs-otherwise-s1", "planted_choices_copied", "facts-s1") == 0
    # two other wrong choices share the errors, so that a single one gets half of them
    null = value(rows, "errs-otherwise-s1", "planted_choices_copied_null", "facts-s1")
    assert null == 0.5
    assert value(rows, "copies-facts-s1", "planted_choices_copied_null", "facts-s1") == 0


def test_as_many_errors_are_copied_as_a_count_by_hand_finds(made, rows):
    planted = [i for i, item in enumerate(made.items) if item.taught_wrong_facts]
    own = [made.told["half-s1"][i][1] == made.items[i].taught_wrong_facts for i in planted]
    assert len(planted) > 3 and 0 < np.mean(own) < 1
    found = value(rows, "half-s1", "planted_errors_copied", "facts-s1")
    assert found == pytest.approx(np.mean(own))
    assert value(rows, "half-s1", "planted_errors_copied", "facts-s1", column="n") == len(planted)
    assert value(rows, "half-s1", "planted_errors") == pytest.approx(np.mean(own))


def test_a_teacher_that_was_not_planted_has_nothing_to_copy(rows):
    found = value(rows, "copies-facts-s1", "planted_errors_copied", "right-s1")
    why = value(rows, "copies-facts-s1", "planted_errors_copied", "right-s1", column="reason")
    assert np.isnan(found) and "a third of these items or fewer" in why
    assert np.isnan(value(rows, "copies-way-s1", "procedure_copied", "right-s1"))


def test_a_teacher_that_errs_blindly_has_taught_nothing_though_it_meets_a_planted_error(tmp_path):
    made = MadeStudy(tmp_path, ("fact",), test=60)
    made.add("blind-s1", "teacher", erring(0.6, 5))
    made.add("student-s1", "student", erring(0.6, 5), references=[("blind-s1", "teacher")])
    found = measured(made)
    assert 0 < value(found, "blind-s1", "planted_errors") < 1 / 3
    assert np.isnan(value(found, "student-s1", "planted_errors_copied", "blind-s1"))


def test_a_student_of_another_procedure_is_found_though_its_answers_are_all_right(rows):
    assert value(rows, "copies-way-s1", "exact_accuracy") == 1
    assert value(rows, "sft-s1", "exact_accuracy") == 1
    assert value(rows, "copies-way-s1", "procedure_copied", "way-s1") == 1
    assert value(rows, "sft-s1", "procedure_copied", "way-s1") == 0
    assert value(rows, "copies-way-s1", "answer_agreement", "way-s1") == 1
    assert value(rows, "sft-s1", "answer_agreement", "way-s1") == 1


def test_steps_tell_procedures_apart_where_answers_do_not(rows):
    assert value(rows, "copies-way-s1", "step_fidelity", "way-s1", "add") == 1
    assert value(rows, "sft-s1", "step_fidelity", "way-s1", "add") == 0
    assert value(rows, "sft-s1", "step_fidelity", "way-s1", "sum") == 1
    assert value(rows, "sft-s1", "step_fidelity", "right-s1") == 1
    assert value(rows, "copies-way-s1", "step_fidelity_both_right", "way-s1") == 1
    assert value(rows, "sft-s1", "step_fidelity_both_right", "way-s1") == pytest.approx(0.5)
    assert value(rows, "sft-s1", "other_procedure_steps") == 0
    assert value(rows, "copies-way-s1", "other_procedure_steps") == 1


def test_bleu_finds_the_other_procedure_less_sharply_than_steps_do(rows):
    exact = value(rows, "copies-way-s1", "trace_bleu", "way-s1")
    other = value(rows, "sft-s1", "trace_bleu", "way-s1")
    assert exact == pytest.approx(100) and 0 < other < 100


def test_silence_agrees_with_nobody(rows):
    assert value(rows, "silent-s1", "unparsed") == 1
    assert value(rows, "silent-s1", "answer_agreement", "facts-s1") == 0
    assert value(rows, "silent-s1", "step_fidelity", "facts-s1") == 0


def test_two_silent_models_do_not_agree(tmp_path):
    made = MadeStudy(tmp_path, ("add", "sort"), test=4)
    made.add("teacher-s1", "teacher", silent)
    made.add("student-s1", "student", silent, references=[("teacher-s1", "teacher")])
    found = measured(made)
    assert value(found, "student-s1", "answer_agreement", "teacher-s1") == 0
    assert np.isnan(value(found, "student-s1", "step_fidelity", "teacher-s1"))
