"""Texts that language models write themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from distilscope.workflow import progress

if TYPE_CHECKING:
    from distilscope.data.texts import Texts

BATCH = 512
"""Prompts that are continued together."""


def continuations(
    model: nn.Module,
    texts: Texts,
    prompts: Sequence[Sequence[int]],
    most: int,
    batch: int = BATCH,
) -> list[list[int]]:
    """The greedy continuation of each prompt, up to its end sign, which belongs to it.

    Prompts of one length go together, so that none is filled up and an answer doesn't depend on
    those beside it. The stage that is under way advances by the prompts.

    Args:
        model: tokens (B, L) to logits (B, L, V), in evaluation mode. Its `continued` is asked if it
            has one, as `models.language.LanguageModel` has, which keeps keys and values; else each
            step reads the whole text anew.
        texts: whose end sign is the model's.
        prompts: tokens. most: tokens of a continuation at most.
        batch: prompts at once.

    Returns:
        tokens for each prompt, without an end sign where `most` of them had none.
    """
    device = next(model.parameters()).device
    lengths = np.array([len(prompt) for prompt in prompts])
    found: list[list[int]] = [[] for _ in prompts]
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        for first in range(0, len(rows), batch):
            some = rows[first : first + batch]
            shown = torch.tensor([list(prompts[row]) for row in some], device=device)
            if hasattr(model, "continued"):
                made = model.continued(shown, most, texts.end, texts.pad)
            else:
                made = _step_by_step(model, shown, most, texts.end)
            for row, tokens in zip(some, made.cpu().tolist(), strict=True):
                ended = tokens.index(texts.end) + 1 if texts.end in tokens else len(tokens)
                found[row] = tokens[:ended]
            progress.advance(len(some))
    return found


@torch.no_grad()
def _step_by_step(model: nn.Module, prompts: Tensor, most: int, end: int) -> Tensor:
    """Int64 (B, up to `most`): the likeliest token at each step, until each row has its end."""
    rows, width = prompts, prompts.shape[1]
    for _ in range(most):
        rows = torch.cat([rows, model(rows)[:, -1].argmax(dim=1, keepdim=True)], dim=1)
        if (rows[:, width:] == end).any(dim=1).all():
            break
    return rows[:, width:]
