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
    parameters=soft.SOFTENED,
    needs="logits",
    derived={"T": "T", "alpha": "alpha"},
    reduces_to={"ce": {"alpha": 0.0}},
    grouped={"T": 1.0},
    target=f"{__name__}:target",
    tau="T",
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
    return soft.distil(logits, labels, target(soft.only(teachers, "kd"), labels, T=T), T, alpha)


def target(teacher: Tensor, labels: Tensor, *, T: float, **others: float) -> Tensor:
    """log softmax(t / T), (B, C)."""
    return soft.log_probabilities(teacher, T)
