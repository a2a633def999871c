"""Several items in a row of tokens, so that little of a batch is filled up.

Items of mixed tasks differ much in length: in rows of their own, two fifths of a batch of the
generated tasks would stand for nothing. Batches of items of like length are no way out, for such
items are of one task, and a network learns far less from batches of one task each. So short items
share a row, none sees another, and each has its own positions: the logits are those of items in
rows of their own, but for rounding.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Packed:
    """Items in shared rows.

    Attributes:
        place: int64 (T,): where each token of the items, one item after the other, stands in the
            rows, counted through all of them.
        position: int64 (R, C): the place of a token in its own item; 0 where a row is filled up.
        item: int64 (R, C): which item a token is of; -1 where a row is filled up.
    """

    place: Tensor
    position: Tensor
    item: Tensor

    @classmethod
    def of(cls, lengths: Tensor) -> Packed:
        """For items of so many tokens, int64 (B,), in rows as wide as the longest."""
        sizes = lengths.tolist()
        width, device = max(sizes), lengths.device
        starts = torch.tensor(shared_rows(sizes, width), device=device)
        within = torch.arange(sum(sizes), device=device)
        within -= (lengths.cumsum(0) - lengths).repeat_interleave(lengths)
        place = starts.repeat_interleave(lengths) + within
        rows = int(starts.max()) // width + 1
        position = torch.zeros(rows * width, dtype=torch.int64, device=device)
        item = torch.full_like(position, -1)
        position[place] = within
        item[place] = torch.arange(len(sizes), device=device).repeat_interleave(lengths)
        return cls(place, position.view(rows, width), item.view(rows, width))

    def filled(self, tokens: Tensor) -> Tensor:
        """Tokens int64 (T,), one item after the other, in their rows: int64 (R, C)."""
        rows = torch.zeros_like(self.position)
        rows.view(-1)[self.place] = tokens
        return rows

    @property
    def hidden_from(self) -> Tensor:
        """Float (R, 1, C, C), added to the scores of attention: 0 where a token sees another, of
        its own item and not behind it, and the lowest number elsewhere.
        """
        same = self.item[:, :, None] == self.item[:, None, :]
        seen = same.tril()[:, None]
        lowest = torch.finfo(torch.float32).min
        return torch.zeros(seen.shape, device=seen.device).masked_fill_(~seen, lowest)


def shared_rows(sizes: Sequence[int], width: int) -> list[int]:
    """Where each item begins in rows of `width` tokens, counted through all rows.

    The longest first, each into the fullest row that has room for it (best-fit decreasing, at most
    11/9 of the fewest rows; Johnson et al. 1974).
    """
    begins = [0] * len(sizes)
    room: list[tuple[int, int]] = []  # (tokens left, row), the fullest first
    rows = 0
    for each in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        at = bisect_left(room, (sizes[each], 0))
        if at < len(room):
            left, row = room.pop(at)
        else:
            left, row, rows = width, rows, rows + 1
        begins[each] = row * width + width - left
        insort(room, (left - sizes[each], row))
    return begins
