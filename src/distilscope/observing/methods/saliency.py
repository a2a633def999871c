"""Saliency (Simonyan et al. 2014, arXiv 1312.6034) at the input.

A map is the maximum over channels of |d logit / d x|.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from distilscope.observing.methods.declaration import Method

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

METHOD = Method(__name__, "input", whole_probe=False, title="Saliency", evidence="absolute")


def attribute(
    model: nn.Module, inputs: Tensor, classes: Tensor, baseline: Tensor
) -> dict[str, np.ndarray]:
    """`map` (M, H, W) float32 for normalised inputs (M, C, H, W) and classes (M,) int64.

    Args:
        model: in evaluation mode, its parameters without gradients.
        baseline: not used.
    """
    return {"map": gradients(model, inputs, classes).abs().amax(dim=1).cpu().numpy()}


def gradients(model: nn.Module, inputs: Tensor, classes: Tensor) -> Tensor:
    """Of the logit of each input's class (M,), by the input: (M, C, H, W)."""
    import torch  # here, because the plan reads this file without torch

    leaf = inputs.detach().requires_grad_()
    logits = model(leaf).gather(1, classes[:, None])
    return torch.autograd.grad(logits.sum(), leaf)[0]
