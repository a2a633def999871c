"""GradCAM (Selvaraju et al. 2017, arXiv 1610.02391) without its last ReLU.

The map of class c at a layer with activations A is  sum_k a_k A_k  with  a_k = the spatial mean
of d logit_c / d A_k. The sign is kept: whoever wants the ReLU applies it. The logit is
differentiated, never the softmax, which would mix the other classes in.

Two routes give the same numbers. Where a linear head W follows global average pooling over the
layer, the gradient is W[c, k] / (H W) everywhere and the map needs no backward pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from distilscope.observing.methods.declaration import Method

if TYPE_CHECKING:
    from torch import Tensor

METHOD = Method(__name__, "layers", whole_probe=True, title="GradCAM")


def closed_form(activations: Tensor, weights: Tensor) -> Tensor:
    """Maps (M, h, w) from activations (M, C, h, w) and the head's rows (M, C) for the classes."""
    import torch  # here, because the plan reads this file without torch

    cells = activations.shape[2] * activations.shape[3]
    return torch.einsum("mk,mkhw->mhw", weights, activations) / cells


def from_gradient(activations: Tensor, gradients: Tensor) -> Tensor:
    """Maps (M, h, w) from activations and the logit's gradient, both (M, C, h, w)."""
    import torch

    return torch.einsum("mk,mkhw->mhw", gradients.mean(dim=(2, 3)), activations)
