"""Texts that a student writes itself while it learns, for its teacher to judge: on-policy learning.

Source: Agarwal et al. 2024 (GKD, arXiv 2306.13649): a part of the batches are prompts whose
continuations are sampled from the student as it is at that step, and no gradient goes through the
sampling.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from distilscope.training import runtime
from distilscope.training.texts import AtTargets, Items, Shown


@dataclass(frozen=True, eq=False)
class OwnTexts:
    """See `inputs.OnPolicy`.

    Attributes:
        items: whose prompts are continued.
        share: of the batches, in [0, 1].
        seed: of the training; it says which batches.
        precision: `fp32` or `bf16`, of the student.
        most: tokens of a continuation at most. end, pad: the tokens that end it and fill it up.
    """

    items: Items
    share: float
    seed: int
    precision: str
    most: int
    end: int
    pad: int

    def due(self, step: int) -> bool:
        """See `inputs.OnPolicy`; the batches of a smaller share are among those of a larger."""
        return _uniform(self.seed, step) < self.share

    @torch.no_grad()
    def written(self, model: AtTargets, rows: Tensor) -> Shown:
        """The items at rows (B,) with continuations that the model samples in evaluation mode."""
        given, start = self.items.whole.at(rows), self.items.train.start[rows]
        prompts, real = _at_the_right(given.tokens, start, self.pad)
        model.eval()
        with runtime.autocast(self.precision, self.items.device):
            made = model.network.sampled(prompts, real.long(), self.most, self.end, self.pad)
        model.train()
        length = start + _lengths(made, self.end)
        tokens = _at_the_left(torch.cat([prompts, made], dim=1), prompts.shape[1] - start, length)
        within = torch.arange(tokens.shape[1], device=tokens.device) < length[:, None]
        return Shown(tokens.masked_fill(~within, self.pad), given.first, length)

    def labels_of(self, examples: Shown) -> Tensor:
        """See `inputs.OnPolicy`."""
        return torch.full((int(examples.counts.sum()),), -1, device=examples.device)


def _uniform(seed: int, step: int) -> float:
    """A number in [0, 1), a function of (seed, step) alone."""
    return int.from_bytes(hashlib.sha256(f"own {seed} {step}".encode()).digest()[:7]) / 2**56


def _at_the_right(tokens: Tensor, length: Tensor, pad: int) -> tuple[Tensor, Tensor]:
    """The first `length` (B,) tokens of each row, filled up at the left, and where they are."""
    width = int(length.max())
    source = torch.arange(width, device=tokens.device) - (width - length)[:, None]
    real = source >= 0
    return tokens.gather(1, source.clamp(min=0)).masked_fill(~real, pad), real


def _at_the_left(tokens: Tensor, before: Tensor, length: Tensor) -> Tensor:
    """Each row without what fills it up, `before` (B,) tokens, and as wide as the longest."""
    source = torch.arange(int(length.max()), device=tokens.device) + before[:, None]
    return tokens.gather(1, source.clamp(max=tokens.shape[1] - 1))


def _lengths(made: Tensor, end: int) -> Tensor:
    """Int64 (B,): tokens up to the first end sign, which counts; all of them without one."""
    ends = made == end
    return torch.where(ends.any(dim=1), ends.int().argmax(dim=1) + 1, made.shape[1])
