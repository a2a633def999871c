"""The published table's own tests, beside what the study's notebooks print, and other units."""

import numpy as np
import pandas as pd
import pytest
from benchmarks import published_gains
from scipy import stats

PRINTED = [
    # family, task, number, what analysis/statistical_tests_{math,cs}.ipynb print
    ("mathematics", "Average", "t", 8.465315763687904),
    ("mathematics", "Average", "p", 5.650477517312819e-10),
    ("mathematics", "AQuA", "t", 4.072992801385696),
    ("mathematics", "Average", "size", -0.6561923549473493),
    ("mathematics", "MultiArith", "size", -0.8281413757174615),
    ("mathematics", "Average", "teacher", -0.010451015507627961),
    ("mathematics", "SingleEq", "teacher", 0.3512128179428033),
    ("common sense", "Average", "t", 3.862161708096151),
    ("common sense", "hellaswag", "p", 0.25725745946988887),
    ("common sense", "ARC-Easy", "size", -0.7763825397351201),
    ("common sense", "openbookqa", "teacher", -0.40694181133463736),
    ("common sense", "boolq", "agreement", 0.2093446475275816),
]


@pytest.fixture(scope="module")
def tables():
    return {family: published_gains.tests(family) for family in published_gains.FAMILIES}


@pytest.mark.parametrize(("family", "task", "number", "printed"), PRINTED)
def test_the_published_tests_come_out_as_the_notebooks_print_them(
    tables, family, task, number, printed
):
    assert tables[family].at[task, number] == pytest.approx(printed, rel=1e-9)


def test_a_held_score_gives_the_partial_correlation_of_ranks(tables):
    alone, taught = published_gains.scores("mathematics")
    rows = published_gains.best_rows(taught)
    gain = published_gains.gains(rows, alone, "MultiArith")
    before = rows["Student"].map(alone["MultiArith"])
    score = rows["Teacher"].map(alone["MultiArith"])
    r = np.corrcoef([stats.rankdata(each) for each in (gain, score, before)])
    # The formula of three correlations (Yule 1907), by hand.
    by_hand = (r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
    assert tables["mathematics"].at["MultiArith", "teacher|sft"] == pytest.approx(by_hand)


def test_an_interval_over_students_is_of_the_means_of_their_rows():
    rows = pd.DataFrame({"Student": ["a", "a", "b", "b"], "Teacher": list("xyxy")})
    low, high = published_gains.interval(rows, np.array([0.0, 2.0, 3.0, 5.0]), ["Student"])
    # Means 1 and 4: 2.5 with a standard error of 1.5, and t(0.975, 1) = 12.706.
    assert (low, high) == pytest.approx((2.5 - 12.7062 * 1.5, 2.5 + 12.7062 * 1.5), abs=1e-3)


def test_a_row_is_a_student_a_teacher_and_an_objective_once():
    for family in published_gains.FAMILIES:
        _, taught = published_gains.scores(family)
        for rows in (published_gains.best_rows(taught), published_gains.rows_at_one(taught)):
            assert len(rows) == len(rows[published_gains.KEY].drop_duplicates()) == 33
            assert rows["Student"].nunique() == 6
