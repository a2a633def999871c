"""Distillation from a teacher's softened outputs.

Source: Hinton, Vinyals and Dean 2015, with alpha as the weight of the soft term.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distilscope.training.objectives import ce
from distilscope.training.objectives.declaration import Objective, Parameter

if TYPE_CHECKING:
    from torch import Tensor

OBJECTIVE = Objective(
    "kd",
    loss=f"{__name__}:loss",
    parameters={
        "T": Parameter(
            "T", 0.0, 1000.0, low_open=True, meaning="temperature of both softmaxes", sign="T"
        ),
        "alpha": Parameter("a", 0.0, 1.0, meaning="weight of the soft term", sign="α"),
    },
    needs="logits",
    derived={"T": "T", "alpha": "alpha"},
    reduces_to={"ce": {"alpha": 0.0}},
)


def loss(
    logits: Tensor, labels: Tensor, teachers: Sequence[Tensor], *, T: float, alpha: float
) -> Tensor:
    """alpha T^2 KL(softmax(t / T) || softmax(s / T)) + (1 - alpha) CE(s, label), mean over B.

    alpha = 0 is `ce` bit for bit. The soft term is exactly 0 where both have the same logits.

    Args:
        logits: the student's (B, C), any floating-point type.
        labels: (B,) int64.
        teachers: a list with the one teacher's (B, C).
        T: temperature of both.
        alpha: weight of the soft term, in [0, 1].

    Raises:
        ValueError: not exactly one teacher.
    """
    if alpha == 0:
        return ce.loss(logits, labels)
    if len(teachers) != 1:
        raise ValueError(
            f"kd distils from exactly one teacher, got {len(teachers)}; `combine` makes one of them"
        )
    soft = alpha * T**2 * divergence(teachers[0], logits, T)
    return soft if alpha == 1 else soft + (1 - alpha) * ce.loss(logits, labels)


def divergence(teacher: Tensor, student: Tensor, T: float) -> Tensor:
    """Mean over the batch of KL(softmax(teacher / T) || softmax(student / T)), in nats."""
    from torch.nn import functional as F  # here, because the plan reads this file without torch

    return F.kl_div(
        F.log_softmax(student.float() / T, dim=1),
        F.log_softmax(teacher.float() / T, dim=1),
        reduction="batchmean",
        log_target=True,
    )
