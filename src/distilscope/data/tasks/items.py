"""An item of a task, and its text: `<task> : question = trace ; answer .`"""

from __future__ import annotations

import re
from dataclasses import dataclass

END, STEP, BEFORE_ANSWER = ".", ",", ";"
"""What ends a text, what stands between steps, and what stands before the answer of a trace."""
BETWEEN_STEPS = re.compile(rf"(?<!\S){STEP}(?!\S)|\n")


@dataclass(frozen=True)
class Asked:
    """What a generator makes: a question and what is known of its answer.

    Attributes:
        question: without the task's name.
        answer: the right one.
        trace: the worked solution, steps with commas between them; '' where there is none.
        wrong: three other answers, near the right one; none where the task has no choices.
        other_trace: the steps of another valid procedure; None where there is none.
        planted: the wrong answer that a planted teacher is taught; None where it is taught the
            right one.
    """

    question: str
    answer: str
    trace: str = ""
    wrong: tuple[str, ...] = ()
    other_trace: str | None = None
    planted: str | None = None


@dataclass(frozen=True)
class Item:
    """An item as it is stored.

    Attributes:
        index: names it for ever. split: `train`, `held-out` or `test`. task: its name.
        prompt: all that stands before the target.
        trace, answer: '' and the text where there is no worked solution.
        choices: texts; none where it has none. label: position of the right one, else -1.
        taught_wrong_facts, taught_other_procedure: trace and answer that a planted teacher is
            taught instead, as `solution` writes them; None where it is taught the right ones.
        unasked: the prompt without the question, which a question-free null is shown.
    """

    index: int
    split: str
    task: str
    prompt: str
    trace: str
    answer: str
    choices: tuple[str, ...] = ()
    label: int = -1
    taught_wrong_facts: str | None = None
    taught_other_procedure: str | None = None
    unasked: str = ""


def prompt(task: str, question: str) -> str:
    """What a model is shown; with an empty question, what a question-free null is shown."""
    return " ".join([task, ":", *([question] if question else []), "="])


def solution(trace: str, answer: str) -> str:
    """Trace and answer as a model writes them, without the end sign."""
    return f"{trace} {BEFORE_ANSWER} {answer}" if trace else answer


def steps(trace: str) -> list[str]:
    """The steps of a trace, in their order: between commas that stand alone, or a line each.

    >>> steps("a + b , c = 1,000\\nd")
    ['a + b', 'c = 1,000', 'd']
    """
    parts = BETWEEN_STEPS.split(trace)
    return [step for step in (part.strip() for part in parts) if step]


def spelled(number: int) -> str:
    """A number digit by digit: `1 0 4`."""
    return " ".join(str(number))
