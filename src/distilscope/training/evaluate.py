"""How a model does on examples that it is not trained on, while it is being trained."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from distilscope.training import runtime
from distilscope.training.inputs import Batches
from distilscope.workflow import progress


@dataclass(frozen=True)
class Evaluation:
    """Accuracy and mean negative log-likelihood (nats); NaN where no example has a label."""

    accuracy: float
    nll: float


def evaluate(
    model: nn.Module,
    batches: Batches,
    to_model: Callable[[torch.Tensor], torch.Tensor],
    precision: str,
    between: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Evaluate in eval mode (running statistics), at the training precision.

    Args:
        model: on the batches' device; it is left in eval mode.
        batches: examples and labels, all of them -1 where examples have none.
        to_model: examples as the model takes them.
        precision: `fp32` or `bf16`.
        between: called after each batch.
    """
    total = sum(len(labels) for _, labels in batches)
    if total == 0 or any((labels < 0).any() for _, labels in batches):
        return Evaluation(math.nan, math.nan)
    device = batches[0][1].device
    sums = torch.zeros(2, dtype=torch.float64, device=device)
    model.eval()
    with torch.no_grad():
        for examples, labels in batches:
            with runtime.autocast(precision, device):
                logits = model(to_model(examples))
            sums[0] += (logits.argmax(dim=1) == labels).sum()
            sums[1] += F.cross_entropy(logits.float(), labels, reduction="sum")
            progress.advance(len(labels))
            between()
    accuracy, nll = (sums / total).tolist()
    return Evaluation(accuracy, nll)
