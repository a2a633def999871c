"""Distillation from a teacher whose logits are disturbed: an ablation of what they say.

Source: Ramesh, Sengupta and Chakraborty 2025 (arXiv 2505.15442), who add Gaussian noise so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distilscope.training.objectives import kd, soft
from distilscope.training.objectives.declaration import Objective, Parameter

if TYPE_CHECKING:
    from torch import Tensor

OBJECTIVE = Objective(
    "kd-noisy",
    loss=f"{__name__}:loss",
    parameters={
        **soft.SOFTENED,
        "sigma": Parameter(
            "n",
            0.0,
            1000.0,
            meaning="standard deviation of the noise on the teacher's logits",
            sign="σ",
        ),
    },
    needs="logits",
    derived={"T": "T", "alpha": "alpha"},
    reduces_to={"ce": {"alpha": 0.0}, "kd": {"sigma": 0.0}},
)


def loss(
    logits: Tensor,
    labels: Tensor,
    teachers: Sequence[Tensor],
    *,
    T: float,
    alpha: float,
    sigma: float,
) -> Tensor:
    """`kd` from the teacher's logits plus independent normal noise, drawn anew at each step.

    It is drawn from the global generator, which the loop seeds by (seed, step): the same at every
    strength but for its scale.

    Args:
        logits: the student's (B, C), any floating-point type.
        labels: (B,) int64.
        teachers: a list with the one teacher's (B, C).
        T: temperature of both.
        alpha: weight of the soft term, in [0, 1].
        sigma: standard deviation of the noise, in units of the logits.

    Raises:
        ValueError: not exactly one teacher.
    """
    import torch  # here, because the plan reads this file without torch

    if alpha == 0 or sigma == 0:
        return kd.loss(logits, labels, teachers, T=T, alpha=alpha)
    teacher = soft.only(teachers, "kd-noisy")
    disturbed = teacher + sigma * torch.randn_like(teacher)
    return kd.loss(logits, labels, [disturbed], T=T, alpha=alpha)
