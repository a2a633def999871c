"""Outputs that are probabilities in place of logits."""

from __future__ import annotations

from typing import Any

import torch

TOLERANCE = 1e-4
"""How far from 1 the sum of numbers may be that are taken for probabilities."""


def are_probabilities(output: Any) -> bool:
    """Whether outputs (N, classes) are probabilities: none is negative and each row sums to 1."""
    if not isinstance(output, torch.Tensor) or output.ndim != 2 or output.shape[1] < 2:
        return False
    whole = (output.sum(dim=1) - 1).abs() <= TOLERANCE
    return bool((output >= 0).all() and whole.all())
