"""Claims over a ladder of teachers: their contrasts, by planted numbers."""

import pandas as pd
import pytest

from distilscope.analyses.dark_knowledge import contrasts, teacher_rows
from distilscope.analyses.dark_knowledge.forms import OverRungs, RungCorrelation
from distilscope.configuration.claims import Claim
from distilscope.measuring.claim_rows import values_of
from distilscope.statistics.values import NotTested
from distilscope.statistics.verdicts import judge_claim

from .made_ladder import RUNGS, MadeLadder, rows_of, tuned


def values(ladder):
    teacher_rows.add_distinctness(ladder)
    teacher_rows.relations_table(ladder)
    ladder.study.rows.analysis = "outputs"
    for entry in ladder.study.entries:
        ladder.study.rows.add(entry, "accuracy", ladder.accuracy(entry), subset="all")
        ladder.study.rows.add(entry, "parameters", ladder.size(entry))
        for each in entry.compared:
            ladder.study.rows.add(each, "agreement", 0.5, subset="all")
    models = pd.DataFrame(
        [{"id": e.id, "condition": e.condition, "seed": e.seed} for e in ladder.study.entries]
    )
    return values_of(rows_of(ladder), models, ladder.study.conditions, 24)


def correlation(**changes):
    return RungCorrelation(
        **{
            "form": "rung-correlation",
            "arm": {"objective": "ts", "tau_teacher": 4},
            "first": {"of": "teacher", "measure": "wrong_sd"},
            "second": {"of": "student", "measure": "accuracy"},
            **changes,
        }
    )


def test_a_correlation_over_rungs_has_a_value_for_each_seed(made):
    (found,) = contrasts.rung_correlation(correlation(), values(tuned(made)))
    assert found.points == 5
    assert found.value == pytest.approx(1.0)
    assert found.n == 2  # under seed 1 no student differs, so that nothing is ranked


def test_of_teachers_alone_the_members_of_an_entry_are_the_seeds(made):
    statement = correlation(
        arm=None,
        first={"of": "teacher", "measure": "parameters"},
        second={"of": "teacher", "measure": "wrong_sd"},
    )
    own = values(tuned(made))
    (found,) = contrasts.rung_correlation(statement, own)
    assert found.n == 2
    assert found.value == -1.0
    assert found.exact(0.0) == (pytest.approx(2 / 120), pytest.approx(2 / 120))
    judged = judge_claim(
        Claim(
            id="falls",
            sentence="It falls.",
            source="made up",
            family="all",
            statement=statement,
            direction="lower",
            delta=0.0,
            error_rate=0.05,
        ),
        own,
        7,
        published_data=False,
    )
    assert judged.why == (
        "Every seed has this order of the 5 teachers; the permutation p over them is 0.017, the "
        "smallest that they can give."
    )


def test_a_third_number_that_says_all_leaves_nothing_to_correlate(made):
    given = {"of": "teacher", "measure": "parameters"}
    with pytest.raises(NotTested, match="over 5 teachers: nothing of one of the two is left"):
        contrasts.rung_correlation(correlation(given=given), values(tuned(made)))


def test_a_number_over_rungs_is_set_against_another(made):
    own = values(tuned(made))
    both = {"measure": "wrong_kendall_rungs", "relative_to": "wrong_kendall_seeds"}
    (found,) = contrasts.over_rungs(OverRungs(form="over-rungs", **both, factor=0.9), own)
    assert found.n == 5
    assert (found.replicate, found.whom) == ("teacher", "For this ladder of 5 teachers.")
    assert 0 < found.value < 0.2
    (above,) = contrasts.over_rungs(
        OverRungs(form="over-rungs", measure="wrong_kendall_rungs", constant=0.1), own
    )
    assert above.value > 0.2


def test_a_ladder_of_one_tests_nothing(tmp_path):
    made = MadeLadder(tmp_path)
    made.teachers(rungs=RUNGS[:1])
    with pytest.raises(NotTested, match="a ladder of 1 teacher"):
        contrasts.over_rungs(
            OverRungs(form="over-rungs", measure="wrong_sd"), values(made.ladder())
        )


def test_an_arm_that_no_rung_has_names_the_nearest(made):
    with pytest.raises(NotTested, match="the nearest is"):
        contrasts.rung_correlation(
            correlation(arm={"objective": "ts", "tau_teacher": 3}), values(tuned(made))
        )


def test_students_without_an_arm_are_refused():
    with pytest.raises(ValueError, match="`arm` says which students"):
        correlation(arm=None)
