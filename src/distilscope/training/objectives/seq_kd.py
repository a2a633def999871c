"""Sequence-level distillation: what a teacher writes is learnt as if it were gold.

Source: Kim and Rush 2016 (arXiv 1606.07947), with a beam of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from distilscope.training.objectives import ce
from distilscope.training.objectives.declaration import Objective

if TYPE_CHECKING:
    from torch import Tensor

OBJECTIVE = Objective("seq-kd", loss=f"{__name__}:loss", needs="texts")


def loss(logits: Tensor, labels: Tensor, teachers: Sequence[Tensor] = ()) -> Tensor:
    """Mean of -log softmax(logits)[label] over the batch, in nats.

    Args:
        logits: (B, C), any floating-point type.
        labels: (B,) int64, tokens of the teacher's own texts.
        teachers: not used: it was asked before.
    """
    return ce.loss(logits, labels)
