"""Items with fewer choices than others: the absent ones change no number."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from distilscope import store
from distilscope.analyses.outputs import fidelity
from distilscope.measuring.observations import read_outputs

OWN = np.array([[1.0, 2.0, 3.0, 0.5], [2.0, 1.0, 0.3, -np.inf], [0.1, 0.4, -np.inf, -np.inf]])
OTHER = np.array([[0.3, 2.5, 1.0, 0.2], [0.0, 1.0, 2.0, -np.inf], [0.9, 0.2, -np.inf, -np.inf]])
COUNTS = (4, 3, 2)


def expected(measure):
    return [measure(own[:k], other[:k]) for own, other, k in zip(OWN, OTHER, COUNTS, strict=True)]


def entropy(p, q):
    return stats.entropy(special.softmax(p), special.softmax(q))


@pytest.mark.parametrize(
    ("name", "by_scipy"),
    [
        ("kl_teacher_student", lambda own, other: entropy(other, own)),
        ("kl_student_teacher", entropy),
        ("logit_rho", lambda own, other: stats.spearmanr(own, other).statistic),
    ],
)
def test_numbers_are_of_the_choices_that_an_item_has(name, by_scipy):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = getattr(fidelity, name)(OWN, OTHER)
    np.testing.assert_allclose(found, expected(by_scipy), rtol=1e-12)


def test_equal_logits_are_silent_whatever_is_absent():
    level = np.array([[1.0, 1.0, -np.inf], [1.0, 2.0, -np.inf]])
    assert fidelity.silent(level).tolist() == [True, False]


def written(folder, *rows):
    table = pd.DataFrame({"index": range(len(rows)), "label": 0, "logits": list(map(list, rows))})
    store.write_table(folder / "test/logits.parquet", table, {"probe": "test"})
    return folder


def test_absent_choices_stand_behind_the_others_and_leave_two(tmp_path):
    found = read_outputs(written(tmp_path, (1.0, 2.0, -np.inf), (1.0, 2.0, 3.0)), "test")
    assert np.isneginf(found.logits).tolist() == [[False, False, True], [False] * 3]


@pytest.mark.parametrize(
    "row",
    [
        (1.0, -np.inf, 2.0),
        (1.0, -np.inf, -np.inf),
        (1.0, 2.0, np.nan),
        (1.0, 2.0, np.inf),
    ],
)
def test_what_is_no_absent_choice_is_refused(tmp_path, row):
    with pytest.raises(ValueError, match="a logit of image 1 is not finite"):
        read_outputs(written(tmp_path, (1.0, 2.0, 3.0), row), "test")
