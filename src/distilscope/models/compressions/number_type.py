"""Numbers of fewer bits: weights and activations rounded to bfloat16.

Processors that compute in bfloat16 multiply rounded numbers, sum in fp32 and round the sum. So do
models here: they are rounded at the output of each module and compute in fp32 between, which is as
quick on every processor and leaves gradients (of the unrounded sums) as they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from distilscope.models.compressions import dense
from distilscope.models.compressions.dense import Facts, save

__all__ = ["compress", "restore", "save"]

BYTES = 2


def compress(model: nn.Module, value: str, images: Tensor) -> tuple[nn.Module, Facts]:
    """Round all weights, and from now on the input of the model and the output of each module.

    Args:
        model: changed in place. value: `bf16`. images: not needed.
    """
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(_rounded(tensor))
    numbers = sum(tensor.numel() for tensor in model.state_dict().values())
    return _rounding(model), {"weight_bytes": BYTES * numbers}


def restore(model: nn.Module, value: Any, path: Path) -> nn.Module:
    """A freshly built network with the weights of the file, rounding as it runs."""
    return _rounding(dense.restore(model, value, path))


def _rounding(model: nn.Module) -> nn.Module:
    model.register_forward_pre_hook(lambda module, inputs: tuple(map(_rounded, inputs)))
    for module in model.modules():
        module.register_forward_hook(lambda module, inputs, output: _rounded(output))
    return model


def _rounded(value: Any) -> Any:
    """A floating-point tensor at the precision of bfloat16, as fp32; anything else as it is.

    The gradient passes through: that of a rounding is nil almost everywhere.
    """
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return value
    rounded = value.detach().to(torch.bfloat16).float()
    return rounded + (value - value.detach()) if value.requires_grad else rounded
