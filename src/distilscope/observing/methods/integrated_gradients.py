"""Integrated gradients (Sundararajan et al. 2017, arXiv 1703.01365) at the input.

A map is the sum over channels of (x - x0) times the mean gradient on the way from the baseline x0,
signed, Gauss-Legendre quadrature. The exact maps of an image add up to F(x) - F(x0), and what is
missing is recorded. Where it is too much the quadrature can be refined: twice the points, and
twice again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from distilscope.observing.completeness import TOLERATED_GAP
from distilscope.observing.methods.declaration import Method
from distilscope.observing.methods.saliency import gradients
from distilscope.workflow import progress

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

METHOD = Method(
    __name__,
    "input",
    whole_probe=False,
    settings=("ig_steps", "ig_maximum_steps"),
    title="Integrated gradients",
    evidence="absolute",
    repeated="ig_steps",
)

INTERNAL_BATCH, CACHED_BATCH = 128, 32
"""Inputs a forward pass, images times points of the quadrature: on a GPU, and on a processor,
which is as fast with few and needs less memory for them.
"""

ROUNDING = 1e-5
"""A smaller change, relative to the largest logit, is the rounding of fp32."""


def attribute(
    model: nn.Module,
    inputs: Tensor,
    classes: Tensor,
    baseline: Tensor,
    *,
    ig_steps: int,
    ig_maximum_steps: int | None = None,
) -> dict[str, np.ndarray]:
    """Columns of the method's table, a row an input.

    Args:
        model: in evaluation mode, its parameters without gradients.
        inputs: (M, C, H, W) float32, normalised.
        classes: (M,) int64, the class that is explained for each input.
        baseline: (1, C, H, W), the black image as the model gets it (normalised, not zeros).
        ig_steps: points of the quadrature.
        ig_maximum_steps: inputs whose gap is over `TOLERATED_GAP` are explained again with twice
            the points, as often as that makes no more than these; None is never.

    Returns:
        `map` (M, H, W) float32; `completeness_gap` (M,) float32,
        |sum of the map - (F(x) - F(x0))| / |F(x) - F(x0)|, NaN where F(x) - F(x0) is no more than
        `ROUNDING` of the largest logit; `completeness_delta` (M,) float32, sum of the map
        - (F(x) - F(x0)), in logits; and `steps` (M,) int32, the points that the map was made with.
    """
    import numpy as np  # here, because the plan reads this file without NumPy and torch
    import torch

    steps = ig_steps
    found = explain(model, inputs, classes, baseline, steps)
    while ig_maximum_steps and 2 * steps <= ig_maximum_steps:
        steps *= 2
        rough = np.flatnonzero(found["completeness_gap"] > TOLERATED_GAP)
        if not len(rough):
            break
        rows = torch.from_numpy(rough).to(inputs.device)
        again = explain(model, inputs[rows], classes[rows], baseline, steps)
        for name, values in again.items():
            found[name][rough] = values
    return found


def explain(
    model: nn.Module, inputs: Tensor, classes: Tensor, baseline: Tensor, steps: int
) -> dict[str, np.ndarray]:
    """The columns of `attribute` with so many points for every input."""
    import numpy as np
    import torch

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
    import numpy as np
    import torch

    points, weights = np.polynomial.legendre.leggauss(steps)
    way, at = inputs - baseline, (1 + points) / 2
    shares = torch.tensor(weights / 2, dtype=inputs.dtype, device=inputs.device)
    batch = CACHED_BATCH if inputs.device.type == "cpu" else INTERNAL_BATCH
    at_once = max(1, batch // len(inputs))
    total = torch.zeros_like(inputs)
    for start in range(0, steps, at_once):
        chosen = range(steps)[start : start + at_once]
        between = torch.cat([baseline + at[point] * way for point in chosen])
        slopes = gradients(model, between, classes.repeat(len(chosen)))
        share = shares[start : start + at_once].view(-1, 1, 1, 1, 1)
        total += (slopes.unflatten(0, (len(chosen), -1)) * share).sum(dim=0) * way
        progress.advance(len(inputs) * len(chosen) / steps)
    return total
