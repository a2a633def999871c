"""Cross-entropy with the labels: what a control learns from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distilscope.training.objectives.declaration import Objective

if TYPE_CHECKING:
    from torch import Tensor

OBJECTIVE = Objective("ce", loss=f"{__name__}:loss")


def loss(logits: Tensor, labels: Tensor, teachers: Sequence[Tensor] = ()) -> Tensor:
    """Mean of -log softmax(logits)[label] over the batch, in nats.

    Args:
        logits: (B, C), any floating-point type.
        labels: (B,) int64.
        teachers: not used.
    """
    from torch.nn import functional as F  # here, because the plan reads this file without torch

    return F.cross_entropy(logits.float(), labels)
