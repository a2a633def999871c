"""Cross-entropy with smoothed labels: for teachers, the negative control of dark knowledge.

It asks the same of all wrong classes, and so erases what tells them apart. Source: Szegedy et al.
2016; Müller, Kornblith and Hinton 2019 for what it does to teachers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distilscope.training.objectives import ce
from distilscope.training.objectives.declaration import Objective, Parameter

if TYPE_CHECKING:
    from torch import Tensor

OBJECTIVE = Objective(
    "ce-smoothed",
    loss=f"{__name__}:loss",
    parameters={
        "epsilon": Parameter("e", 0.0, 1.0, meaning="share spread over all classes", sign="ε")
    },
    reduces_to={"ce": {"epsilon": 0.0}},
)


def loss(
    logits: Tensor, labels: Tensor, teachers: Sequence[Tensor] = (), *, epsilon: float
) -> Tensor:
    """Mean cross-entropy with (1 - epsilon) at the label and epsilon / C at each class, in nats.

    Args:
        logits: (B, C). labels: (B,) int64. teachers: not used.
    """
    if epsilon == 0:
        return ce.loss(logits, labels)
    from torch.nn import functional as F  # here, because the plan reads this file without torch

    return F.cross_entropy(logits.float(), labels, label_smoothing=epsilon)
