"""Texts behind one prompt, which goes through a model once for all of them.

They stand one behind the other in a row. Each sees the prompt and itself, and has the positions
that it has alone, so that its logits are those of a row of its own, but for rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

MASK = 2**24
"""Numbers of a mask, about: 64 MB in fp32."""
PROMPT, FILLER = 0, -1


@dataclass(frozen=True, eq=False)
class Shared:
    """Rows of a prompt each and of the texts behind it.

    Attributes:
        tokens: int64 (R, C). position: int64 (R, C), of each token in its own text.
        text: int64 (R, C), which of a row's texts a token is of, from 1; `PROMPT` or `FILLER`.
        row, before, place: int64 (P,), of each token behind a prompt: its row, the place whose
            logits are of it, and its own.
        owner: int64 (P,), which of the texts it is of, counted through all rows.
    """

    tokens: Tensor
    position: Tensor
    text: Tensor
    row: Tensor
    before: Tensor
    place: Tensor
    owner: Tensor

    @classmethod
    def of(cls, prompts: Sequence[np.ndarray], behind: Sequence[Sequence[np.ndarray]]) -> Shared:
        """Rows of prompts, none empty, and of what stands behind each, as numbers of tokens."""
        sizes = [len(p) + sum(map(len, own)) for p, own in zip(prompts, behind, strict=True)]
        shape = (len(prompts), max(sizes))
        tokens, position = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        text = np.full(shape, FILLER, np.int64)
        told: list[tuple[int, int, int, int]] = []
        count = 0
        for row, (prompt, own) in enumerate(zip(prompts, behind, strict=True)):
            first = len(prompt)
            tokens[row, :first], position[row, :first] = prompt, np.arange(first)
            text[row, :first] = PROMPT
            begin = first
            for number, target in enumerate(own, 1):
                there = slice(begin, begin + len(target))
                tokens[row, there], text[row, there] = target, number
                position[row, there] = first + np.arange(len(target))
                before = [first - 1, *range(begin, begin + len(target) - 1)]
                told += [(row, at, begin + n, count) for n, at in enumerate(before)]
                begin += len(target)
                count += 1
        rows = (tokens, position, text, *np.array(told, np.int64).T)
        return cls(*map(torch.from_numpy, map(np.ascontiguousarray, rows)))

    def to(self, device: torch.device) -> Shared:
        """The same on a device."""
        return Shared(*(value.to(device) for value in vars(self).values()))

    @property
    def hidden_from(self) -> Tensor:
        """Float (R, 1, C, C), added to the scores of attention: 0 where a token sees another, not
        behind it and of its own text or the prompt, and the lowest number elsewhere.
        """
        own = self.text[:, :, None] == self.text[:, None, :]
        seen = (own | (self.text == PROMPT)[:, None, :]).tril()[:, None]
        lowest = torch.finfo(torch.float32).min
        return torch.zeros(seen.shape, device=seen.device).masked_fill_(~seen, lowest)


def batches(sizes: np.ndarray, texts: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """Which rows go through a model together: those of like length, and no more than `most` texts
    or a mask of `MASK` numbers, but for a row alone.

    Args:
        sizes: (R,) tokens of each row. texts: (R,) texts of each row.
    """
    chosen: list[int] = []
    for row in np.argsort(sizes, kind="stable"):
        more = [*chosen, int(row)]
        if chosen and (texts[more].sum() > most or len(more) * int(sizes[row]) ** 2 > MASK):
            yield np.array(chosen)
            more = [int(row)]
        chosen = more
    if chosen:
        yield np.array(chosen)
