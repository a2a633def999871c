"""Answers read out of texts, and what is never an answer."""

from __future__ import annotations

import pytest

from distilscope.data.tasks import parsing
from distilscope.data.tasks.parsing import RULES, Parsed, right, same, symbols


@pytest.mark.parametrize(
    ("text", "traced", "expected"),
    [
        ("1 + 2 = 3 ; 3 .", True, Parsed("1 + 2 = 3", "3")),
        ("a b c .", False, Parsed("", "a b c")),
        ("1 + 2 = 3 ; 3", True, Parsed("", None)),  # never ends
        ("a b .  c", False, Parsed("", None)),  # goes on behind its end
        ("a . b .", False, Parsed("", None)),
        ("1 + 2 = 3 .", True, Parsed("", None)),  # no answer
        ("1 ; 2 ; 3 .", True, Parsed("", None)),  # two
        ("a ; b .", False, Parsed("", None)),
        ("1 + 2 = 3 ; .", True, Parsed("1 + 2 = 3", None)),
        (".", False, Parsed("", None)),
        ("", True, Parsed("", None)),
    ],
)
def test_a_text_of_symbols_has_an_answer_or_none(text, traced, expected):
    assert symbols(text, traced) == expected


@pytest.mark.parametrize(
    ("rule", "text", "choices", "expected"),
    [
        ("last-number", "He has 3 and 4, so 1,234.50 in all.", (), "1234.50"),
        ("last-number", "It is -7.", (), "-7"),
        ("last-number", "none", (), None),
        ("first-letter", "The answer is C, not B", (), "C"),
        ("first-letter", "An apple: B", (), "A"),  # as published, also within a word
        ("first-letter", "no", (), None),
        ("first-keyword", "it is solution2 or solution1", ("solution1", "solution2"), "solution2"),
        ("first-keyword", "answer10", ("answer1", "answer10"), "answer10"),
        ("first-keyword", "a+b?", ("a+b",), "a+b"),
        ("first-keyword", "neither", ("true", "false"), None),
        ("first-keyword", "true", (), None),
    ],
)
def test_published_rules(rule, text, choices, expected):
    assert RULES[rule](text, choices) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("3", "3.0005", True),
        ("3", "3.01", False),
        ("1 2", "1 2", True),
        ("1 2", "1 3", False),
        ("a", "1", False),
        (None, None, False),
        (None, "1", False),
        ("nan", "nan", True),
    ],
)
def test_answers_are_the_same_as_texts_or_as_numbers_and_none_is_the_same_as_nothing(
    one, other, expected
):
    assert same(one, other) == same(other, one) == expected
    assert parsing.TOLERANCE == 1e-3


@pytest.mark.parametrize(
    ("answer", "gold", "rule", "expected"),
    [
        ("1234", "1,234", "last-number", True),
        ("5", "5 apples", "last-number", True),
        ("-4", "\N{MINUS SIGN}4", "last-number", True),
        ("4", "\N{MINUS SIGN}4", "last-number", False),
        ("2", "1/2", "last-number", False),  # two numbers: which is meant, nobody knows
        ("many", "many", "last-number", True),
        (None, "many", "last-number", False),
        ("5", "5 apples", "first-keyword", False),
    ],
)
def test_a_right_number_is_read_out_of_the_text_that_somebody_wrote(answer, gold, rule, expected):
    assert right(answer, gold, rule) == expected


def test_a_minus_sign_of_typography_is_read():
    assert RULES["last-number"]("it is \N{MINUS SIGN}1,250.5") == "-1250.5"
