"""What a study of given conditions has something to show of: `Figure.wanted` names one of these."""

from __future__ import annotations

from collections.abc import Sequence

from distilscope.configuration.patterns import LEARNERS
from distilscope.planning.conditions import Condition


def of_a_student(conditions: Sequence[Condition]) -> bool:
    """Whether there is a student."""
    return any(condition.role == "student" for condition in conditions)


def of_a_comparison(conditions: Sequence[Condition]) -> bool:
    """Whether there is a model to hold against a teacher."""
    return any(condition.role != "teacher" for condition in conditions)


def of_several_students(conditions: Sequence[Condition]) -> bool:
    """Whether there are several students and controls, over which numbers can go together."""
    return sum(condition.role in LEARNERS for condition in conditions) > 1


def of_training(conditions: Sequence[Condition]) -> bool:
    """Whether anything was trained: an untrained network and given weights are not."""
    return any(c.source == "trained" and c.role != "floor" for c in conditions)
