"""Texts that language models write themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from distilscope.models.language import LanguageModel

if TYPE_CHECKING:
    from distilscope.data.texts import Texts

BATCH = 512
"""Prompts that are continued together."""


def continuations(
    model: LanguageModel,
    texts: Texts,
    prompts: Sequence[Sequence[int]],
    most: int,
    batch: int = BATCH,
) -> list[list[int]]:
    """The greedy continuation of each prompt, up to its end sign, which belongs to it.

    Prompts of one length go together, so that none is filled up and an answer doesn't depend on
    those beside it.

    Args:
        model: in evaluation mode.
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
            made = model.continued(shown, most, texts.end, texts.pad).cpu().tolist()
            for row, tokens in zip(some, made, strict=True):
                ended = tokens.index(texts.end) + 1 if texts.end in tokens else len(tokens)
                found[row] = tokens[:ended]
    return found
