"""Distillation from a teacher's softened outputs.

Source: Hinton, Vinyals and Dean 2015, with alpha as the weight of the soft term.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distilscope.training.objectives import ce, soft
from distilscope.training.objectives.declaration import Objective

if TYPE_CHECKING:
    from torch import Tensor

OBJECTIVE = Objective(
    "kd",
    loss=f"{__name__}:loss",
    parameters={
        "T": soft.temperature("T", "temperature of both softmaxes", "T"),
        "alpha": soft.ALPHA,
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
    from torch.nn import functional as F  # here, because the plan reads this file without torch

    target = F.log_softmax(soft.only(teachers, "kd") / T, dim=1)
    return soft.distil(logits, labels, target, T, alpha)
