"""Answers read out of texts, and what is never an answer."""

from __future__ import annotations

import pytest

from distilscope.data.tasks import parsing
from distilscope.data.tasks.parsing import RULES, Parsed, same, symbols


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
