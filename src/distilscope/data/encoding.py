"""Prompts and targets as tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from distilscope.data.raw import BadData
from distilscope.data.tasks import symbols

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def encode(
    tokenizer: Tokenizer, prompts: Sequence[str], targets: Sequence[str], pad: int | None = None
) -> dict[str, np.ndarray]:
    """Prompts and targets as tokens.

    The whole text is split into tokens, and its target begins behind as many as the prompt alone
    has: as lm-eval does it.

    Args:
        pad: the token that fills up; that of the generated tasks where it isn't given.

    Returns:
        `tokens` int32 (N, L), padded at the right; `start` int32 (N,), the place of the first
        target token; `length` int32 (N,).

    Raises:
        BadData: the tokens of a text don't begin with those of its prompt, so that no place is the
            target's first.
    """
    alone = [each.ids for each in tokenizer.encode_batch(list(prompts))]
    whole = [
        each.ids
        for each in tokenizer.encode_batch(
            [f"{prompt} {target}" for prompt, target in zip(prompts, targets, strict=True)]
        )
    ]
    for prompt, short, long in zip(prompts, alone, whole, strict=True):
        if long[: len(short)] != short or len(long) == len(short):
            raise BadData(f"the tokens of {prompt!r:.60} change with the text that follows it")
    length = np.array([len(ids) for ids in whole], np.int32)
    filler = tokenizer.token_to_id(symbols.PAD) or 0 if pad is None else pad
    tokens = np.full((len(whole), length.max()), filler, np.int32)
    for row, ids in enumerate(whole):
        tokens[row, : len(ids)] = ids
    return {
        "tokens": tokens,
        "start": np.array([len(ids) for ids in alone], np.int32),
        "length": length,
    }
