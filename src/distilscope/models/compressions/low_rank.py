"""Low rank: each weight matrix becomes its best approximation of a smaller rank.

Source: Eckart and Young 1936, by the singular value decomposition; for convolutions as the matrix
of outputs by inputs and kernel (Denton et al. 2014).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from distilscope.models.compressions import dense
from distilscope.models.compressions.dense import Facts, restore, save

__all__ = ["compress", "restore", "save"]


def compress(model: nn.Module, value: float, images: Tensor) -> tuple[nn.Module, Facts]:
    """Keep the max(1, round(value * r)) largest singular values of each of rank r at most.

    The product of the two factors is stored: it computes what a layer of both would. The bytes are
    those of the factors, or of the matrix where that is smaller.

    Args:
        model: changed in place. value: the share, in (0, 1). images: not needed.
    """
    numbers, ranks = 0, {}
    for path, weight in dense.weights_of(model).items():
        matrix = dense.matrix(weight.detach()).double()
        left, scales, right = torch.linalg.svd(matrix, full_matrices=False)
        rank = max(1, round(value * len(scales)))
        product = (left[:, :rank] * scales[:rank]) @ right[:rank]
        with torch.no_grad():
            weight.copy_(product.reshape(weight.shape))
        numbers += min(rank * sum(matrix.shape), matrix.numel())
        ranks[path] = [rank, len(scales)]
    weight_bytes = dense.FLOAT_BYTES * numbers + dense.bytes_of_others(model)
    return model, {"weight_bytes": weight_bytes, "ranks": ranks}
