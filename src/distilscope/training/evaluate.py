"""How a model does on images that it is not trained on, while it is being trained."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from distilscope.data.dataset import Split
from distilscope.training import runtime
from distilscope.workflow import progress

BATCH = 250


@dataclass(frozen=True)
class Evaluation:
    """Accuracy and mean negative log-likelihood (nats); NaN where there are no images."""

    accuracy: float
    nll: float


def evaluate(
    model: nn.Module,
    split: Split,
    normalise: Callable[[torch.Tensor], torch.Tensor],
    precision: str,
    between: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Evaluate in eval mode (running statistics), at the training precision.

    Args:
        model: on the split's device; it is left in eval mode.
        split: images, labels.
        normalise: uint8 (B, 3, H, W) to float32.
        precision: `fp32` or `bf16`.
        between: called after each batch.
    """
    if len(split) == 0:
        return Evaluation(math.nan, math.nan)
    device = split.images.device
    sums = torch.zeros(2, dtype=torch.float64, device=device)
    model.eval()
    with torch.no_grad():
        for images, labels in zip(
            split.images.split(BATCH), split.labels.split(BATCH), strict=True
        ):
            with runtime.autocast(precision, device):
                logits = model(runtime.inputs(images, normalise))
            sums[0] += (logits.argmax(dim=1) == labels).sum()
            sums[1] += F.cross_entropy(logits.float(), labels, reduction="sum")
            progress.advance(len(images))
            between()
    accuracy, nll = (sums / len(split)).tolist()
    return Evaluation(accuracy, nll)
