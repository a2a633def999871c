"""Texts that language models write themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from distilscope.workflow import progress

if TYPE_CHECKING:
    from distilscope.data.texts import Texts

BATCH = 512
"""Prompts that are continued together."""
FILLED = 64
"""The same, of prompts that are filled up: a step of 64 costs a large model little more than one
of a few, since it reads all weights once.
"""


def continuations(
    model: nn.Module,
    texts: Texts,
    prompts: Sequence[Sequence[int]],
    most: int,
    batch: int = BATCH,
    *,
    filled: bool = False,
) -> list[list[int]]:
    """The greedy continuation of each prompt, up to its end sign, which belongs to it.

    Prompts of one length go together, so that an answer doesn't depend on those beside it; or those
    of like length, `filled` up at the left, where it does so by rounding. The stage that is under
    way advances by the prompts.

    Args:
        model: tokens (B, L) to logits (B, L, V), in evaluation mode. Its `continued` is asked if it
            has one, as `models.language.LanguageModel` has, which keeps keys and values; else each
            step reads the whole text anew.
        texts: whose end sign is the model's.
        prompts: tokens. most: tokens of a continuation at most.
        batch: prompts at once.
        filled: whether prompts of several lengths go together, in batches of `FILLED` at most. The
            model's `continued` then takes which tokens are `real`.

    Returns:
        tokens for each prompt, without an end sign where `most` of them had none.
    """
    device = next(model.parameters()).device
    lengths = np.array([len(prompt) for prompt in prompts])
    found: list[list[int]] = [[] for _ in prompts]
    for some in _batches(lengths, min(batch, FILLED) if filled else batch, filled=filled):
        width = int(lengths[some].max())
        rows = [[texts.pad] * (width - lengths[row]) + list(prompts[row]) for row in some]
        shown = torch.tensor(rows, device=device)
        if filled:
            begins = torch.from_numpy(width - lengths[some]).to(device)
            real = (torch.arange(width, device=device) >= begins[:, None]).long()
            made = model.continued(shown, most, texts.end, texts.pad, real)
        elif hasattr(model, "continued"):
            made = model.continued(shown, most, texts.end, texts.pad)
        else:
            made = _step_by_step(model, shown, most, texts.end)
        for row, tokens in zip(some, made.cpu().tolist(), strict=True):
            ended = tokens.index(texts.end) + 1 if texts.end in tokens else len(tokens)
            found[row] = tokens[:ended]
        progress.advance(len(some))
    return found


def _batches(lengths: np.ndarray, batch: int, *, filled: bool) -> Iterator[np.ndarray]:
    """Which prompts go together, the shortest first."""
    order = np.argsort(lengths, kind="stable")
    cuts = [] if filled else np.flatnonzero(np.diff(lengths[order])) + 1
    for own in np.split(order, cuts):
        yield from (own[first : first + batch] for first in range(0, len(own), batch))


@torch.no_grad()
def _step_by_step(model: nn.Module, prompts: Tensor, most: int, end: int) -> Tensor:
    """Int64 (B, up to `most`): the likeliest token at each step, until each row has its end."""
    rows, width = prompts, prompts.shape[1]
    for _ in range(most):
        rows = torch.cat([rows, model(rows)[:, -1].argmax(dim=1, keepdim=True)], dim=1)
        if (rows[:, width:] == end).any(dim=1).all():
            break
    return rows[:, width:]
