"""What a model answered, read out of its text by the rule of its task.

A text from which no answer can be read has none: `None`, which is equal to no other answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from distilscope.data.tasks.items import BEFORE_ANSWER, END

SYMBOLS = "symbols"
"""The rule of generated tasks."""
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
TOLERANCE = 1e-3
"""Within which numbers are the same answer, as published."""


@dataclass(frozen=True)
class Parsed:
    """What a text says.

    Attributes:
        trace: the worked solution, '' where there is none. answer: None where there is none.
    """

    trace: str
    answer: str | None


def symbols(text: str, traced: bool) -> Parsed:
    """Of a generated task: `trace ; answer .` or `answer .`, with the end sign.

    There is no answer in a text that never ends, that goes on behind its end, or, where the task
    has a worked solution, that doesn't have exactly one sign before the answer.
    """
    words = text.split()
    ended = words.count(END) == 1 and words[-1] == END
    if not ended or words.count(BEFORE_ANSWER) != int(traced):
        return Parsed("", None)
    trace, _, answer = " ".join(words[:-1]).rpartition(BEFORE_ANSWER)
    return Parsed(trace.strip(), answer.strip() or None)


def last_number(text: str, choices: Sequence[str] = ()) -> str | None:
    """The last number in a text, commas between its digits left out: GSM8K, SVAMP, AddSub ..."""
    found = _numbers(text)
    return found[-1] if found else None


def _numbers(text: str) -> list[str]:
    return NUMBER.findall(text.replace(",", "").replace("\N{MINUS SIGN}", "-"))


def first_letter(text: str, choices: Sequence[str] = ()) -> str | None:
    """The first capital A to E, also within a word: AQuA, as published."""
    found = re.search("[ABCDE]", text)
    return found[0] if found else None


def first_keyword(text: str, choices: Sequence[str]) -> str | None:
    """The choice that is named first; of two that begin alike the longer: BoolQ, PIQA, ARC ..."""
    pattern = "|".join(re.escape(each) for each in sorted(choices, key=len, reverse=True))
    found = re.search(pattern, text) if choices else None
    return found[0] if found else None


RULES: dict[str, Callable[[str, Sequence[str]], str | None]] = {
    "last-number": last_number,
    "first-letter": first_letter,
    "first-keyword": first_keyword,
}
"""Rules for tasks from files, as the published evaluation has them."""


def read(text: str, rule: str, traced: bool = False, choices: Sequence[str] = ()) -> Parsed:
    """What a text says by the rule of its task: `symbols`, or one of `RULES`.

    Of a task from a file with worked solutions the whole text is the trace. A letter of a rule
    that reads letters means the choice at that place; a letter behind the last choice means none.

    Args:
        traced: whether an item of the task has a worked solution.
        choices: of the item.
    """
    if rule == SYMBOLS:
        return symbols(text, traced)
    answer = RULES[rule](text, choices)
    if rule == "first-letter" and choices and answer is not None:
        place = "ABCDE".index(answer)
        answer = choices[place] if place < len(choices) else None
    return Parsed(text.strip() if traced else "", answer)


def right(answer: str | None, gold: str, rule: str) -> bool:
    """Whether an answer that was read by a rule is the right one, as somebody wrote that.

    Where numbers are read, the right answer is the only number in its text.

    >>> right("1234", "$1,234", "last-number"), right("2", "1/2", "last-number")
    (True, False)
    """
    if same(answer, gold) or rule != "last-number":
        return same(answer, gold)
    found = _numbers(gold)
    return len(found) == 1 and same(answer, found[0])


def same(one: str | None, other: str | None) -> bool:
    """Whether two answers are the same: as texts, or as numbers within the tolerance.

    What could not be read is the same as nothing, not even as what could not be read either.
    """
    if one is None or other is None:
        return False
    if one == other:
        return True
    try:
        return math.isclose(float(one), float(other), rel_tol=0.0, abs_tol=TOLERANCE)
    except ValueError:
        return False
