"""Generalised distillation: a teacher judges what the student writes itself.

Source: Agarwal et al. 2024 (GKD, arXiv 2306.13649), with T^2 as in `jsd`. `on_policy` is TRL's
`lmbda`. The student samples at temperature 1, from all tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distilscope.training.objectives import jsd, soft
from distilscope.training.objectives.declaration import Objective, Parameter

if TYPE_CHECKING:
    from torch import Tensor

OBJECTIVE = Objective(
    "gkd",
    loss=f"{__name__}:loss",
    parameters={
        "beta": soft.BETA,
        "T": soft.SOFTENED["T"],
        "on_policy": Parameter(
            "l", 0.0, 1.0, meaning="share of batches that the student writes itself", sign="λ"
        ),
    },
    needs="logits",
    on_policy="on_policy",
    derived={"T": "T", "beta": "beta", "on_policy": "on_policy"},
)


def loss(
    logits: Tensor,
    labels: Tensor,
    teachers: Sequence[Tensor],
    *,
    beta: float,
    T: float,
    on_policy: float,
) -> Tensor:
    """T^2 JSD(t, s), mean over B: `jsd` with alpha = 1, bit for bit, of whatever text it is.

    Args:
        logits: the student's (B, C), any floating-point type.
        labels: not used.
        teachers: a list with the one teacher's (B, C).
        beta: weight of the teacher in the mixture, in [0, 1].
        T: temperature of both.
        on_policy: not used: which batches the student writes is the loop's to say.

    Raises:
        ValueError: not exactly one teacher.
    """
    return jsd.loss(logits, labels, teachers, beta=beta, T=T, alpha=1)
