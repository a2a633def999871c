"""A model whose input is slightly perturbed: a stand-in for a twin where there is none.

How alike is a model to itself under small changes of the input? Nothing else can be asked to be
more alike. It is no twin: another training changes more than that.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from distilscope.planning.job import Job
from distilscope.workflow.provenance import Stopwatch, write_run


class Perturbed(nn.Module):
    """A model, at the path `model`, that sees inputs with noise, and mirrored from left to right.

    The noise is one pattern for all inputs, so that the model is a function of its input, whatever
    the batch. Layers see the mirrored input: by `mirrored` their maps are turned back.

    Args:
        model: the model.
        noise: standard deviation of Gaussian noise, in units of the input as the model takes it.
        mirrored: whether inputs are mirrored. seed: of the noise.
    """

    def __init__(self, model: nn.Module, noise: float, mirrored: bool, seed: int) -> None:
        super().__init__()
        self.model, self.noise, self.mirrored, self.seed = model, noise, mirrored, seed

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C) logits of inputs (B, channels, H, W)."""
        if self.noise:
            generator = torch.Generator().manual_seed(self.seed)
            pattern = torch.randn(inputs.shape[1:], generator=generator)
            inputs = inputs + self.noise * pattern.to(inputs.device)
        return self.model(inputs.flip(3) if self.mirrored else inputs)


def make(job: Job) -> None:
    """Make `run.json` of a perturbed model: it has no weights of its own, its input names them."""
    stopwatch = Stopwatch()
    stopwatch.phase("write")
    write_run(job, stopwatch, {})
