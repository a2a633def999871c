"""Claims address conditions by patterns over any field, whoever taught and whatever the loss."""

import numpy as np
import pytest

from distilscope import catalog
from distilscope.statistics.strata import strata
from distilscope.statistics.verdicts import judge_claim
from distilscope.training.objectives.declaration import Objective, Parameter

from .made_values import CE, DIFFERENCE, KD2, KD4, claim_of, rows_of, twin_rows, values_of

OF_A, OF_B = ("a-s1",), ("b-s1",)
RHO = {"measure": "rho", "subset": "common"}
ATS = {"objective": "ats", "tau_true": 4, "tau_rest": 1}


@pytest.fixture
def ats(monkeypatch):
    """An objective of another package, known by its registration alone."""
    temperatures = {name: Parameter(name, 0.0, 100.0) for name in ("tau_true", "tau_rest")}
    own = Objective("ats", loss="elsewhere:loss", parameters=temperatures, needs="logits")
    monkeypatch.setitem(catalog.OBJECTIVES, "ats", own)


def judged(statement, values, **changes):
    return judge_claim(claim_of(statement, **changes), values, 1, published_data=False)


def control(*, a, b):
    """A control trained once, compared with the teachers of both entries."""
    return [
        *rows_of(CE, a, teachers=OF_A, **RHO),
        *rows_of(CE, b, teachers=OF_B, **RHO),
    ]


def test_students_of_two_teachers_are_tested_within_each_teacher_and_seed():
    """Differences by seed: (0.02 + 0.04) / 2, (0.03 + 0.05) / 2 and (0.025 + 0.045) / 2."""
    values = values_of(
        rows_of(KD4, [0.92, 0.91, 0.915], teachers=OF_A),
        rows_of(KD4, [0.94, 0.93, 0.935], teachers=OF_B),
        rows_of(CE, [0.90, 0.88, 0.89], teachers=()),
    )
    found = judged(DIFFERENCE, values)
    assert (found.verdict, found.seeds) == ("supported", 3)
    assert found.ours == pytest.approx(0.035)
    # by hand: sd 0.005 of three seeds, t of 2 degrees 4.3027
    assert found.low == pytest.approx(0.035 - 4.3027 * 0.005 / np.sqrt(3), abs=1e-5)
    assert "For these 2 teachers" in found.why


def test_a_control_trained_once_is_read_against_the_teacher_of_the_student_beside_it():
    values = values_of(
        rows_of(KD4, [0.60, 0.61, 0.62], teachers=OF_A, **RHO),
        rows_of(KD4, [0.80, 0.82, 0.84], teachers=OF_B, **RHO),
        control(a=[0.50, 0.50, 0.50], b=[0.75, 0.75, 0.75]),
    )
    plain = {**DIFFERENCE, **RHO}
    for teacher, expected in (("a", 0.11), ("b", 0.07)):
        one = {**plain, "first": {**KD4, "teacher": teacher}}
        found = judged(one, values)
        assert found.ours == pytest.approx(expected)
        assert "For this teacher." in found.why
    both = judged(plain, values)
    assert both.ours == pytest.approx(0.09)
    # the means by teacher, 0.11 and 0.07: half width 12.7062 * 0.02
    assert "with the teacher as the unit the interval is -0.164 to 0.344." in both.why


def test_where_each_seed_has_a_teacher_of_its_own_the_interval_is_one_of_teachers():
    values = values_of(
        rows_of(KD4, [0.92, 0.91, 0.915], teachers=("a-s1", "a-s2", "a-s3")),
        rows_of(CE, [0.90, 0.88, 0.89], teachers=()),
    )
    why = judged(DIFFERENCE, values).why
    assert "For these 3 teachers, one a seed: the unit is the teacher." in why


def test_students_of_two_teachers_may_be_the_two_arms():
    values = values_of(
        rows_of(KD4, [0.60, 0.61, 0.62], teachers=OF_A, **RHO),
        rows_of(KD4, [0.80, 0.82, 0.84], teachers=OF_B, **RHO),
    )
    arms = {"first": {**KD4, "teacher": "b"}, "second": {**KD4, "teacher": "a"}}
    found = judged({**DIFFERENCE, **RHO, **arms}, values)
    assert found.ours == pytest.approx(0.21)
    assert "For these 2 teachers" in found.why


def test_a_control_alone_is_read_against_each_of_its_teachers():
    statement = {"form": "against-constant", "arm": CE, "constant": 0.5, **RHO}
    values = values_of(control(a=[0.5, 0.6, 0.7], b=[0.7, 0.8, 0.9]))
    found = judged(statement, values)
    assert (found.ours, found.seeds) == (pytest.approx(0.2), 3)
    assert "For these 2 teachers" in found.why


def test_a_student_is_set_against_the_twins_of_its_own_teacher():
    values = values_of(
        rows_of(KD4, [0.60, 0.61, 0.62], teachers=OF_A, **RHO),
        rows_of(KD4, [0.80, 0.82, 0.84], teachers=OF_B, **RHO),
        twin_rows([0.7], **RHO, reference="a-s1"),
        twin_rows([0.9, 0.94], **RHO, reference="b-s1"),
    )
    statement = {"form": "against-twin", "arm": KD4, **RHO}
    for teacher, expected in (("a", 0.61 - 0.7), ("b", 0.82 - 0.92)):
        found = judged({**statement, "arm": {**KD4, "teacher": teacher}}, values)
        assert found.ours == pytest.approx(expected)
    both = judged(statement, values)
    assert both.ours == pytest.approx((0.61 + 0.82) / 2 - (0.7 + 0.92) / 2)
    assert both.why.endswith("For these 2 teachers, each set against its own twins.")


def test_costs_are_on_the_scale_of_each_teachers_twin():
    rho = {"measure": "image_specific_rho", "subset": "common"}
    parts = []
    for teachers, large, small, twin in ((OF_A, 0.4, 0.2, 0.5), (OF_B, 0.8, 0.6, 0.8)):
        parts += [
            rows_of(KD4, [large] * 2, teachers=teachers, **rho),
            rows_of(KD4, [small] * 2, teachers=teachers, student="tiny", **rho),
            twin_rows([twin], reference=teachers[0], **rho),
        ]
    statement = {
        "form": "relative-cost",
        "large": "medium",
        "small": "tiny",
        "arm": KD4,
        "first": {**rho, "chance": 0},
        "second": {**rho, "chance": 0.25},
    }
    # cost is 0.2 / range: 0.2 (1/0.5 + 1/0.8) / 2 less 0.2 (1/0.25 + 1/0.55) / 2
    expected = 0.1 * (1 / 0.5 + 1 / 0.8) - 0.1 * (1 / 0.25 + 1 / 0.55)
    assert judged(statement, values_of(*parts)).ours == pytest.approx(expected)


def test_a_pattern_names_the_own_parameter_of_an_objective_that_no_code_knows(ats):
    values = values_of(
        rows_of(ATS, [0.92, 0.91, 0.915]),
        rows_of({**ATS, "tau_true": 2}, [0.5, 0.5, 0.5]),
        rows_of(CE, [0.90, 0.88, 0.89]),
    )
    found = judged({**DIFFERENCE, "first": {"objective": "ats", "tau_true": 4}}, values)
    assert found.ours == pytest.approx(0.025)


def test_what_both_patterns_leave_open_is_paired_by_its_value(ats):
    """tau_rest is 1 or 2 in both arms, and never one in one arm and the other in the other."""
    grid = {
        (4, 1): [0.90, 0.91],
        (4, 2): [0.80, 0.81],
        (2, 1): [0.85, 0.85],
        (2, 2): [0.60, 0.60],
        (2, 3): [0.10, 0.10],
    }
    rows = [
        rows_of({"objective": "ats", "tau_true": true, "tau_rest": rest}, values)
        for (true, rest), values in grid.items()
    ]
    arms = {
        "first": {"objective": "ats", "tau_true": 4},
        "second": {"objective": "ats", "tau_true": 2},
    }
    found = judged({**DIFFERENCE, **arms}, values_of(*rows))
    assert found.ours == pytest.approx((0.055 + 0.205) / 2)


def test_a_list_is_any_of_its_values_and_each_of_them_has_to_be_there():
    values = values_of(
        rows_of(KD2, [0.91, 0.91]), rows_of(KD4, [0.93, 0.94]), rows_of(CE, [0.90, 0.90])
    )
    either = {**DIFFERENCE, "first": {**KD4, "T": [2, 4]}}
    assert judged(either, values).ours == pytest.approx((0.01 + 0.035) / 2)
    found = judged({**DIFFERENCE, "first": {**KD4, "T": [2, 4, 8]}}, values)
    assert found.verdict == "not tested"
    assert "no medium student under kd T=8 alpha=0.9" in found.why


@pytest.mark.parametrize(
    ("first", "nearest"),
    [
        ({**KD4, "T": 5}, "medium-kd-T4-alpha0.9-a"),
        ({**KD4, "T": 1.9}, "medium-kd-T2-alpha0.9-a"),
        ({**KD4, "teacher": "aa"}, "medium-kd-T4-alpha0.9-a"),
        ({**KD4, "role": "twin-taught"}, "medium-kd-T4-alpha0.9-a"),
        ({"objective": "kd", "alpha": 0.1}, "medium-kd-T2-alpha0.9-a"),
    ],
)
def test_a_pattern_that_matches_nothing_is_not_tested_and_names_the_nearest(first, nearest):
    values = values_of(
        rows_of(KD2, [0.9], student="tiny", teachers=OF_A),
        rows_of(KD2, [0.9], teachers=OF_A),
        rows_of(KD4, [0.9], teachers=OF_A),
        rows_of(CE, [0.9], teachers=OF_A),
    )
    found = judged({**DIFFERENCE, "first": first}, values)
    assert found.verdict == "not tested"
    assert found.why.endswith(f"the nearest is {nearest}.")


def test_arms_that_are_there_and_never_side_by_side_are_not_tested():
    values = values_of(rows_of(KD4, [0.9] * 3), rows_of(CE, [0.9] * 3, student="tiny"))
    found = judged({**DIFFERENCE, "students": "all"}, values)
    assert found.verdict == "not tested"
    assert "to be paired" in found.why


def test_a_role_is_addressed_by_name_and_else_students_and_controls_are():
    values = values_of(
        rows_of(KD4, [0.80, 0.82, 0.84]), rows_of(KD4, [0.70, 0.71, 0.72], role="twin-taught")
    )
    statement = {"form": "against-constant", "measure": "accuracy", "constant": 0.5}
    assert judged({**statement, "arm": {}}, values).ours == pytest.approx(0.32)
    taught = {**statement, "arm": {"role": "twin-taught"}}
    assert judged(taught, values).ours == pytest.approx(0.21)


def test_students_of_two_teachers_are_never_paired_across_them():
    """Of two networks under two teachers there are two pairs, and not four."""
    parts = [
        rows_of(KD4, [value] * 2, teachers=teachers, student=student)
        for teachers in (OF_A, OF_B)
        for student, value in (("medium", 0.9), ("tiny", 0.8))
    ]
    arms = [{**KD4, "network": "medium"}, {**KD4, "network": "tiny"}]
    found = strata(values_of(*parts), arms)
    assert [stratum.conditions for stratum in found.each] == [
        (f"medium-kd-T4-alpha0.9-{entry}", f"tiny-kd-T4-alpha0.9-{entry}") for entry in "ab"
    ]
