"""Global magnitude pruning: of all weights together the smallest are set to zero.

Source: Han et al. 2015; `torch.nn.utils.prune.global_unstructured` with `L1Unstructured`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from distilscope.models.compressions import dense
from distilscope.models.compressions.dense import Facts, restore, save

__all__ = ["compress", "restore", "save"]


def compress(model: nn.Module, value: float, images: Tensor) -> tuple[nn.Module, Facts]:
    """Set round(value * n) of the n weights to zero: those of the smallest magnitude.

    Of equal magnitudes the first in the order of the network goes first.

    Args:
        model: changed in place. value: the share, in (0, 1). images: not needed.
    """
    weights = dense.weights_of(model)
    magnitudes = torch.cat([weight.detach().abs().flatten() for weight in weights.values()])
    count = round(value * magnitudes.numel())
    gone = torch.from_numpy(smallest(magnitudes.numpy(), count))
    masks = gone.split([weight.numel() for weight in weights.values()])
    with torch.no_grad():
        for weight, mask in zip(weights.values(), masks, strict=True):
            weight[mask.reshape(weight.shape)] = 0.0
    kept = dense.FLOAT_BYTES * (magnitudes.numel() - count)
    zeros = {path: float(m.float().mean()) for path, m in zip(weights, masks, strict=True)}
    return model, {"weight_bytes": kept + dense.bytes_of_others(model), "zeros": zeros}


def smallest(values: np.ndarray, count: int) -> np.ndarray:
    """(N,) bool: exactly the `count` smallest of (N,) values, of equal ones the first."""
    gone = np.zeros(len(values), bool)
    if count:
        threshold = np.partition(values, count - 1)[count - 1]
        gone = values < threshold
        gone[np.flatnonzero(values == threshold)[: count - int(gone.sum())]] = True
    return gone
