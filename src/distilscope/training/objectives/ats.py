"""Asymmetric temperature scaling: the label's logit is softened more than the wrong classes'.

Source: Li et al. 2022, arXiv 2210.04427, and its code, github.com/lxcnju/ATS-LargeKD, where the
student has temperature 1. It needs the label, so that it is for training alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distilscope.training.objectives import ce, soft
from distilscope.training.objectives.declaration import Objective

if TYPE_CHECKING:
    from torch import Tensor

OBJECTIVE = Objective(
    "ats",
    loss=f"{__name__}:loss",
    parameters={
        "tau_true": soft.temperature("t", "temperature of the label's logit", "τ1"),
        "tau_rest": soft.temperature("r", "temperature of the wrong classes' logits", "τ2"),
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
    tau_true: float,
    tau_rest: float,
    tau_student: float,
    alpha: float,
) -> Tensor:
    """`ts` with the teacher's logits over tau_true at the label and over tau_rest elsewhere.

    With tau_true = tau_rest it is `ts` bit for bit.

    Args:
        logits: the student's (B, C). labels: (B,) int64. teachers: the one teacher's (B, C).

    Raises:
        ValueError: not exactly one teacher.
    """
    if alpha == 0:
        return ce.loss(logits, labels)
    aim = target(soft.only(teachers, "ats"), labels, tau_true=tau_true, tau_rest=tau_rest)
    return soft.distil(logits, labels, aim, tau_student, alpha)


def target(
    teacher: Tensor, labels: Tensor, *, tau_true: float, tau_rest: float, **others: float
) -> Tensor:
    """The logarithms of the probabilities that a student aims at, (B, C)."""
    import torch  # here, because the plan reads this file without torch
    from torch.nn import functional as F

    at_label = soft.of_label(labels, teacher.shape[1])
    return F.log_softmax(torch.where(at_label, teacher / tau_true, teacher / tau_rest), dim=1)
