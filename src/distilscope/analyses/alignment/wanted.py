"""Which figures of alignment a study of given conditions has something to draw in."""

from __future__ import annotations

from collections.abc import Sequence

from distilscope.planning.conditions import Condition


def of_a_student(conditions: Sequence[Condition]) -> bool:
    """Whether there is a student whose classes and images can be shown."""
    return any(condition.role == "student" for condition in conditions)


def of_a_comparison(conditions: Sequence[Condition]) -> bool:
    """Whether there is a model to hold against a teacher."""
    return any(condition.role != "teacher" for condition in conditions)


def over_students(conditions: Sequence[Condition]) -> bool:
    """Whether there are several students over which likenesses can go together."""
    return sum(condition.role in ("student", "control") for condition in conditions) > 1
