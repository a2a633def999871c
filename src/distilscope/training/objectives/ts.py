"""Distillation with a temperature for the teacher and another for the student.

At equal temperatures it is `kd`. Source: Li et al. 2022 (arXiv 2210.04427), "scalar TS", whose
student has temperature 1. They minimise the cross-entropy, which differs from the divergence by a
number that no gradient sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distilscope.training.objectives import ce, soft
from distilscope.training.objectives.declaration import Objective

if TYPE_CHECKING:
    from torch import Tensor

OBJECTIVE = Objective(
    "ts",
    loss=f"{__name__}:loss",
    parameters={
        "tau_teacher": soft.temperature("t", "temperature of the teacher", "τ"),
        "tau_student": soft.temperature("s", "temperature of the student", "τs"),
        "alpha": soft.ALPHA,
    },
    needs="logits",
    reduces_to={"ce": {"alpha": 0.0}},
    target=f"{__name__}:target",
    tau="tau_student",
)


def loss(
    logits: Tensor,
    labels: Tensor,
    teachers: Sequence[Tensor],
    *,
    tau_teacher: float,
    tau_student: float,
    alpha: float,
) -> Tensor:
    """alpha tau_s^2 KL(softmax(t / tau_teacher) || softmax(s / tau_s)) + (1 - alpha) CE.

    tau_s is tau_student.

    Args:
        logits: the student's (B, C). labels: (B,) int64. teachers: the one teacher's (B, C).

    Raises:
        ValueError: not exactly one teacher.
    """
    if alpha == 0:
        return ce.loss(logits, labels)
    aim = target(soft.only(teachers, "ts"), labels, tau_teacher=tau_teacher)
    return soft.distil(logits, labels, aim, tau_student, alpha)


def target(teacher: Tensor, labels: Tensor, *, tau_teacher: float, **others: float) -> Tensor:
    """log softmax(t / tau_teacher), (B, C)."""
    return soft.log_probabilities(teacher, tau_teacher)
