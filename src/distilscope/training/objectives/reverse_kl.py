"""Distillation by the divergence from the student's own outputs: what the teacher finds unlikely.

Source: Gu et al. 2024 (MiniLLM, arXiv 2306.08543), token by token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distilscope.training.objectives import ce, soft
from distilscope.training.objectives.declaration import Objective

if TYPE_CHECKING:
    from torch import Tensor

OBJECTIVE = Objective(
    "reverse-kl",
    loss=f"{__name__}:loss",
    parameters=soft.SOFTENED,
    needs="logits",
    derived={"T": "T", "alpha": "alpha"},
    reduces_to={"ce": {"alpha": 0.0}},
    grouped={"T": 1.0},
)


def loss(
    logits: Tensor, labels: Tensor, teachers: Sequence[Tensor], *, T: float, alpha: float
) -> Tensor:
    """alpha T^2 KL(softmax(s / T) || softmax(t / T)) + (1 - alpha) CE(s, label), mean over B.

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
    own = soft.log_probabilities(logits.float(), T)
    target = soft.log_probabilities(soft.only(teachers, "reverse-kl"), T)
    return soft.weighed(soft.divergence(own, target), logits, labels, T, alpha)
