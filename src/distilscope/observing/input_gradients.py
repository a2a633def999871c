"""Explanations at the input, from gradients of a logit, reduced to one map.

Both take inputs as the model gets them (normalised) and explain one class each:

- `saliency` (Simonyan et al. 2014, arXiv 1312.6034): the maximum over channels of |d logit / d x|.
- `integrated-gradients` (Sundararajan et al. 2017, arXiv 1703.01365): the sum over channels of
  (x - x0) times the mean gradient on the way from the baseline x0, signed, Gauss-Legendre
  quadrature. The exact maps of an image add up to F(x) - F(x0), and what is missing is recorded.
  Where it is too much the quadrature can be refined: twice the points, and twice again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from distilscope.catalog import lookup
from distilscope.workflow import progress

INTERNAL_BATCH, CACHED_BATCH = 128, 32
"""Inputs a forward pass of integrated gradients, images times points of the quadrature: on a GPU,
and on a processor, which is as fast with few and needs less memory for them.
"""

TOLERATED_GAP = 0.05
"""A larger `completeness_gap` is explained again with more points, where that is allowed."""

ROUNDING = 1e-5
"""A smaller change, relative to the largest logit, is the rounding of fp32."""


def attribute(
    method: str,
    model: nn.Module,
    inputs: Tensor,
    classes: Tensor,
    *,
    baseline: Tensor,
    steps: int,
    most_steps: int | None = None,
) -> dict[str, np.ndarray]:
    """Columns of the method's table, a row an input.

    Args:
        method: `saliency` or `integrated-gradients`.
        model: in evaluation mode, its parameters without gradients.
        inputs: (M, C, H, W) float32, normalised.
        classes: (M,) int64, the class that is explained for each input.
        baseline: (1, C, H, W), the black image as the model gets it (normalised, not zeros).
        steps: points of the quadrature of integrated gradients.
        most_steps: inputs whose gap is over `TOLERATED_GAP` are explained again with twice the
            points, as often as that makes no more than these; None is never.

    Returns:
        `map` (M, H, W) float32; for integrated gradients also `completeness_gap` (M,) float32,
        |sum of the map - (F(x) - F(x0))| / |F(x) - F(x0)|, NaN where F(x) - F(x0) is no more than
        `ROUNDING` of the largest logit, and
        `completeness_delta` (M,) float32, sum of the map - (F(x) - F(x0)), in logits, and `steps`
        (M,) int32, the points that the map was made with.
    """
    explain = lookup(_METHODS, method, "input method")
    found = explain(model, inputs, classes, baseline, steps)
    while most_steps and "completeness_gap" in found and 2 * steps <= most_steps:
        steps *= 2
        rough = np.flatnonzero(found["completeness_gap"] > TOLERATED_GAP)
        if not len(rough):
            break
        rows = torch.from_numpy(rough).to(inputs.device)
        again = explain(model, inputs[rows], classes[rows], baseline, steps)
        for name, values in again.items():
            found[name][rough] = values
    return found


def saliency(
    model: nn.Module, inputs: Tensor, classes: Tensor, baseline: Tensor, steps: int
) -> dict[str, np.ndarray]:
    """Maximum over channels of the gradient's absolute value."""
    return {"map": _gradients(model, inputs, classes).abs().amax(dim=1).cpu().numpy()}


def integrated_gradients(
    model: nn.Module, inputs: Tensor, classes: Tensor, baseline: Tensor, steps: int
) -> dict[str, np.ndarray]:
    """Sum over channels, with the gap to completeness."""
    attributions = _integrated(model, inputs, classes, baseline, steps)
    with torch.no_grad():
        end, start = model(inputs).double(), model(baseline).double()
    change = (end - start).gather(1, classes[:, None])[:, 0]
    delta = attributions.double().sum(dim=(1, 2, 3)) - change
    scale = torch.maximum(end.abs().amax(dim=1), start.abs().amax())
    gap = torch.where(change.abs() > ROUNDING * scale, (delta / change).abs(), torch.nan)
    return {
        "map": attributions.sum(dim=1).cpu().numpy(),
        "completeness_gap": gap.float().cpu().numpy(),
        "completeness_delta": delta.float().cpu().numpy(),
        "steps": np.full(len(inputs), steps, np.int32),
    }


def _integrated(
    model: nn.Module, inputs: Tensor, classes: Tensor, baseline: Tensor, steps: int
) -> Tensor:
    """(x - x0) times the mean gradient between x0 and x, (M, C, H, W): so many points of the
    quadrature at once as a batch takes.
    """
    points, weights = np.polynomial.legendre.leggauss(steps)
    way, at = inputs - baseline, (1 + points) / 2
    shares = torch.tensor(weights / 2, dtype=inputs.dtype, device=inputs.device)
    batch = CACHED_BATCH if inputs.device.type == "cpu" else INTERNAL_BATCH
    at_once = max(1, batch // len(inputs))
    total = torch.zeros_like(inputs)
    for start in range(0, steps, at_once):
        chosen = range(steps)[start : start + at_once]
        between = torch.cat([baseline + at[point] * way for point in chosen])
        gradients = _gradients(model, between, classes.repeat(len(chosen)))
        share = shares[start : start + at_once].view(-1, 1, 1, 1, 1)
        total += (gradients.unflatten(0, (len(chosen), -1)) * share).sum(dim=0) * way
        progress.advance(len(inputs) * len(chosen) / steps)
    return total


def _gradients(model: nn.Module, inputs: Tensor, classes: Tensor) -> Tensor:
    """Of the logit of each input's class (M,), by the input: (M, C, H, W)."""
    leaf = inputs.detach().requires_grad_()
    logits = model(leaf).gather(1, classes[:, None])
    return torch.autograd.grad(logits.sum(), leaf)[0]


Attribute = Callable[[nn.Module, Tensor, Tensor, Tensor, int], dict[str, np.ndarray]]

_METHODS: dict[str, Attribute] = {
    "saliency": saliency,
    "integrated-gradients": integrated_gradients,
}
