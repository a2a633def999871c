"""Whether a model errs, or reasons, as a planted teacher is taught to."""

from __future__ import annotations

import numpy as np

from distilscope.analyses.reasoning import agreeing, steps
from distilscope.analyses.reasoning.adding import spread, where
from distilscope.analyses.reasoning.said import Questions, Said

LEARNED = 1 / 3
"""What one of three wrong choices gets of one who is always wrong, and blind."""


def errors(questions: Questions, said: Said) -> np.ndarray:
    """(N,) 1.0 where a model's answer is the planted wrong one, 0.0 where it is another; NaN where
    nothing is planted.
    """
    planted = questions.planted_answers
    there = np.array([each is not None for each in planted])
    return where(there, agreeing.same_answers(said.answers, planted))


def choices(questions: Questions, said: Said) -> tuple[np.ndarray, np.ndarray]:
    """(N,) the same of choices; and what a wrong choice that was not planted gets.

    The second is the share of a single one of the other wrong choices of the same items, which are
    as near the right one: what the planted one would get had nobody planted it. NaN where there are
    no other wrong ones.
    """
    planted, label = questions.planted_choice, questions.label
    said_choice = np.argmax(said.logprob, axis=1) if said.logprob.size else np.empty(0, int)
    there = planted >= 0
    others = np.isfinite(said.logprob).sum(axis=1) - 2
    other_wrong = (said_choice != planted) & (said_choice != label)
    null = other_wrong / np.maximum(others, 1)
    return (
        spread(questions, where(there, said_choice == planted)),
        spread(questions, where(there & (others > 0), null)),
    )


def other_procedure(questions: Questions, said: Said) -> np.ndarray:
    """(N,) share of the other procedure's steps that a model takes; NaN where there is none."""
    return steps.fidelity(said.traces, questions.planted_traces)


def copied(of_reference: np.ndarray, own: np.ndarray) -> np.ndarray:
    """(N,) `own` where the reference does wholly what is planted, else NaN.

    NaN everywhere where it does so on a `LEARNED` share of the planted items or less: a model that
    errs blindly now and then meets a planted error.
    """
    wholly = of_reference == 1.0
    learned = wholly.sum() > LEARNED * np.isfinite(of_reference).sum()
    return where(wholly & learned, own)
