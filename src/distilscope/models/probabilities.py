"""Outputs that are probabilities in place of logits."""

from __future__ import annotations

import math
from typing import Any

import torch

TOLERANCE = 1e-4
"""How far from 1 the sum of numbers may be that are taken for probabilities."""
HALVES = (torch.float16, torch.bfloat16)


def are_probabilities(output: Any) -> bool:
    """Whether outputs (N, classes) are probabilities: none is negative and each row sums to 1.

    Numbers that a network rounded to half precision count as such in whatever type they come.
    """
    if not isinstance(output, torch.Tensor) or output.ndim != 2 or output.shape[1] < 2:
        return False
    exact = output.double()
    whole = (exact.sum(dim=1) - 1).abs() <= _tolerance(output)
    return bool((exact >= 0).all() and whole.all())


def are_log_probabilities(output: torch.Tensor) -> bool:
    """Whether outputs (N, classes) are logarithms of probabilities, as `are_probabilities`.

    Rounding moves a logarithm by its own size, which is the entropy on average.
    """
    entropy = max(1.0, math.log(output.shape[1]))
    off = output.double().logsumexp(dim=1).abs()
    return bool((off <= _tolerance(output) * entropy).all())


def _tolerance(output: torch.Tensor) -> float:
    """`TOLERANCE`, or that of the half precision that the numbers were rounded to.

    Rounding moves a number by half of the type's `eps` of its size at most, hence a sum of 1 by as
    much; the rest is room for kernels that round on the way.
    """
    kept = (t for t in HALVES if torch.equal(output.to(t).to(output.dtype), output))
    return max([TOLERANCE, *(torch.finfo(each).eps for each in kept)])
