"""The student's logits are to be the teacher's own: the hardest way to ask for fidelity.

Source: Ba and Caruana 2014 (arXiv 1312.6184), with the cross-entropy beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distilscope.training.objectives import ce, soft
from distilscope.training.objectives.declaration import Objective

if TYPE_CHECKING:
    from torch import Tensor

OBJECTIVE = Objective(
    "logit-matching",
    loss=f"{__name__}:loss",
    parameters={"alpha": soft.ALPHA},
    needs="logits",
    derived={"alpha": "alpha"},
    reduces_to={"ce": {"alpha": 0.0}},
)


def loss(logits: Tensor, labels: Tensor, teachers: Sequence[Tensor], *, alpha: float) -> Tensor:
    """alpha mean_c (s_c - t_c)^2 + (1 - alpha) CE(s, label), mean over B.

    alpha = 0 is `ce` bit for bit.

    Args:
        logits: the student's (B, C), any floating-point type.
        labels: (B,) int64.
        teachers: a list with the one teacher's (B, C).
        alpha: weight of the squared difference, in [0, 1].

    Raises:
        ValueError: not exactly one teacher.
    """
    if alpha == 0:
        return ce.loss(logits, labels)
    difference = logits.float() - soft.only(teachers, "logit-matching")
    matched = alpha * difference.square().mean()
    return matched if alpha == 1 else matched + (1 - alpha) * ce.loss(logits, labels)
