"""Distillation by the generalised Jensen-Shannon divergence.

Source: Agarwal et al. 2024 (GKD, arXiv 2306.13649), with the ends as TRL's `GKDTrainer` has them:
beta = 0 is the forward and beta = 1 the reverse Kullback-Leibler divergence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from distilscope.training.objectives import ce, kd, reverse_kl, soft
from distilscope.training.objectives.declaration import Objective

if TYPE_CHECKING:
    from torch import Tensor

OBJECTIVE = Objective(
    "jsd",
    loss=f"{__name__}:loss",
    parameters={"beta": soft.BETA, **soft.SOFTENED},
    needs="logits",
    derived={"T": "T", "alpha": "alpha", "beta": "beta"},
    reduces_to={"ce": {"alpha": 0.0}},
    grouped={"T": 1.0},
)


def loss(
    logits: Tensor,
    labels: Tensor,
    teachers: Sequence[Tensor],
    *,
    beta: float,
    T: float,
    alpha: float,
) -> Tensor:
    """alpha T^2 JSD(t, s) + (1 - alpha) CE(s, label), mean over B.

    JSD = beta KL(p || m) + (1 - beta) KL(q || m), where p and q are the softmaxes of teacher and
    student at T and m = beta p + (1 - beta) q. alpha = 0 is `ce`, beta = 0 `kd` and beta = 1
    `reverse-kl`, bit for bit. TRL has no T^2.

    Args:
        logits: the student's (B, C), any floating-point type.
        labels: (B,) int64.
        teachers: a list with the one teacher's (B, C).
        beta: weight of the teacher in the mixture, in [0, 1].
        T: temperature of both.
        alpha: weight of the soft term, in [0, 1].

    Raises:
        ValueError: not exactly one teacher.
    """
    if alpha == 0:
        return ce.loss(logits, labels)
    if beta in (0, 1):
        end = kd if beta == 0 else reverse_kl
        return end.loss(logits, labels, teachers, T=T, alpha=alpha)
    import torch  # here, because the plan reads this file without torch

    own = soft.log_probabilities(logits.float(), T)
    target = soft.log_probabilities(soft.only(teachers, "jsd"), T)
    mixture = torch.logaddexp(target + math.log(beta), own + math.log1p(-beta))
    of_both = beta * soft.divergence(target, mixture) + (1 - beta) * soft.divergence(own, mixture)
    return soft.weighed(of_both, logits, labels, T, alpha)
