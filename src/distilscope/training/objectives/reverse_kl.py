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
    from torch.nn import functional as F  # here, because the plan reads this file without torch

    own = F.log_softmax(logits.float() / T, dim=1)
    target = F.log_softmax(soft.only(teachers, "reverse-kl") / T, dim=1)
    divergence = F.kl_div(target, own, reduction="batchmean", log_target=True)
    return weighed(divergence, logits, labels, T, alpha)


def weighed(divergence: Tensor, logits: Tensor, labels: Tensor, T: float, alpha: float) -> Tensor:
    """alpha T^2 times a divergence plus (1 - alpha) CE(s, label).

    Args:
        divergence: the mean over the batch. alpha: above 0. logits, labels, T: as in `loss`.
    """
    apart = alpha * T**2 * divergence
    return apart if alpha == 1 else apart + (1 - alpha) * ce.loss(logits, labels)
