"""The verifiers themselves, on equations and questions worked by hand."""

from __future__ import annotations

import pytest

from .solving import SOLVERS, true_step, true_trace, value


@pytest.mark.parametrize(
    ("step", "holds"),
    [
        ("7 + 5 = 1 2", True),
        ("4 + 2 + 1 = 7", True),
        ("6 * 7 + 3 = 4 5", True),
        ("8 3 - 4 0 = 4 3", True),
        ("7 + 5 = 1 3", False),
        ("7 + = 7", False),
        ("7 5", False),
        ("1 = 1 = 1", False),
        ("w3 + 1 = 1", False),
        ("", False),
    ],
)
def test_a_step_is_true_or_not(step, holds):
    assert true_step(step) is holds


def test_a_trace_needs_a_step_and_is_as_true_as_its_worst():
    assert true_trace("1 + 1 = 2 , 2 + 1 = 3")
    assert not true_trace("1 + 1 = 2 , 2 + 1 = 4")
    assert not true_trace("")


def test_products_come_before_sums():
    assert value("3+4*5-2") == 21
    assert value("100-8*2*3") == 52


@pytest.mark.parametrize(
    ("task", "question", "expected"),
    [
        ("remainder", "2 7 1 / 7", "5"),
        ("largest", "1 0 9 , 9 9 8 , 9 9 9 , 1 2 3", "9 9 9"),
        ("median", "9 1 4 7 2", "4"),
        ("count", "a | b a c a b", "2"),
        ("bits", "1 1 0 0 & 1 0 1 0 ^ 0 1 1 1", "1 1 1 1"),
        ("shift", "a y z m + 2", "c a b o"),
        ("sort", "c a b z x y", "a b c x y z"),
        ("reverse", "c a b z x y", "y x z b a c"),
    ],
)
def test_solvers_by_hand(task, question, expected):
    assert SOLVERS[task](question) == expected
