"""Cross-entropy with a penalty on confidence: for teachers that are to keep wrong classes apart.

It rewards entropy and says nothing of any one wrong class. Source: Pereyra et al. 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distilscope.training.objectives import ce
from distilscope.training.objectives.declaration import Objective, Parameter

if TYPE_CHECKING:
    from torch import Tensor

OBJECTIVE = Objective(
    "ce-penalty",
    loss=f"{__name__}:loss",
    parameters={"beta": Parameter("b", 0.0, 100.0, meaning="weight of the entropy", sign="β")},
    reduces_to={"ce": {"beta": 0.0}},
)


def loss(logits: Tensor, labels: Tensor, teachers: Sequence[Tensor] = (), *, beta: float) -> Tensor:
    """Mean of CE(s, label) - beta H(softmax(s)) over the batch, in nats.

    Args:
        logits: (B, C). labels: (B,) int64. teachers: not used.
    """
    if beta == 0:
        return ce.loss(logits, labels)
    from torch.nn import functional as F  # here, because the plan reads this file without torch

    logs = F.log_softmax(logits.float(), dim=1)
    entropy = -(logs.exp() * logs).sum(dim=1).mean()
    return ce.loss(logits, labels) - beta * entropy
