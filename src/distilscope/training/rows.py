"""Logits of a large vocabulary, of which there is never more than a piece at a time.

A row is a token that is learnt. Of 49,152 tokens of vocabulary the logits of one row take 192 kB
in fp32, and a loss needs several copies of them; the hidden state that they are made of takes 2 kB.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

LARGE = 8192
"""Tokens of a vocabulary above which logits are made a piece at a time."""

PIECE = 2**24
"""Logits of a piece, about: 64 MB in fp32."""


def is_large(network: nn.Module) -> bool:
    """Whether a network's logits are made a piece at a time; one that has no head of its own, such
    as one of the user's, gives them at once.
    """
    return getattr(network, "vocabulary", 0) > LARGE


def packs(network: nn.Module) -> bool:
    """Whether a network takes several items in a row; one of the user's takes one."""
    return getattr(network, "packs", False)


def shares(network: nn.Module) -> bool:
    """Whether texts go through a network together that needn't: of a large one each pass is dear,
    and one that `packs` gives the same, but for rounding.
    """
    return is_large(network) and packs(network)


@dataclass(frozen=True, eq=False)
class Projected:
    """Logits (P, V) that a head makes of final hidden states, when they are asked for.

    It has what the training loop asks of logits, and `piece`, by which a loss takes them.

    Attributes:
        states: (P, H), any floating-point type.
        head: (p, H) to logits (p, V).
        vocabulary: V.
        autocast: the type of products, where it is not that of the states.
        rounded: whether logits are rounded to fp16, as those of every teacher are.
        largest: of each piece that a loss has taken, the largest logit of each row, so that nobody
            need make them again. A step of the optimiser also moves the head.
    """

    states: Tensor
    head: nn.Module
    vocabulary: int
    autocast: torch.dtype | None = None
    rounded: bool = False
    largest: list[Tensor] = field(default_factory=list)

    @classmethod
    def of(cls, states: Tensor, head: nn.Module, vocabulary: int) -> Projected:
        """With products in the type that autocast has where this is called."""
        kind = states.device.type
        wanted = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
        return cls(states, head, vocabulary, wanted)

    def __len__(self) -> int:
        """P."""
        return len(self.states)

    @property
    def pieces(self) -> Iterator[slice]:
        """The rows of each piece, in their order."""
        return pieces(len(self), self.vocabulary)

    def logits(self, states: Tensor) -> Tensor:
        """The logits (p, V) of some of the states (p, H)."""
        enabled = self.autocast is not None
        with torch.autocast(states.device.type, dtype=self.autocast, enabled=enabled):
            made = self.head(states)
        return made.half() if self.rounded else made

    def piece(self, rows: slice) -> Tensor:
        """The logits (p, V) of some rows."""
        return self.logits(self.states[rows])

    def whole(self) -> Tensor:
        """All logits (P, V) at once, of a vocabulary or of rows that are few."""
        return self.logits(self.states)

    def half(self) -> Projected:
        """The same, rounded to fp16."""
        return replace(self, rounded=True)

    def float(self) -> Tensor:
        """All of them in fp32: see `whole`."""
        return self.whole().float()

    def detach(self) -> Projected:
        """The same without gradients to the states."""
        return replace(self, states=self.states.detach())

    @torch.no_grad()
    def argmax(self, dim: int) -> Tensor:
        """Int64 (P,): the largest logit of each row (`dim` is 1), as a loss saw it if one did."""
        seen = self.largest or [self.piece(rows).argmax(dim=dim) for rows in self.pieces]
        return torch.cat(seen)


@dataclass(frozen=True, eq=False)
class Kept:
    """What top-k keeps of a teacher: some tokens of each row, and one class for all others.

    A divergence of these k + 1 classes is at most that of all (the data-processing inequality, for
    every f-divergence), and 0 for the teacher itself. The gold token is always one of them, so that
    a cross-entropy is that of the whole vocabulary.

    Attributes:
        tokens: int64 (P, k), the gold token first.
        logits: fp16 (P, k + 1), logarithms of their probabilities, and of that of the others.
    """

    tokens: Tensor
    logits: Tensor

    def __len__(self) -> int:
        """P."""
        return len(self.tokens)

    def piece(self, rows: slice) -> Kept:
        """Some rows."""
        return Kept(self.tokens[rows], self.logits[rows])

    def whole(self) -> Kept:
        """All rows."""
        return self

    def of_student(self, logits: Tensor) -> Tensor:
        """Fp32 (P, k + 1): a student's logits (P, V) by the same classes.

        The logit of the others together is the log of the sum of their exponentials, so that a
        softmax (at temperature 1) gives each class the student's probability.
        """
        every = logits.float()
        others = every.scatter(1, self.tokens, -torch.inf).logsumexp(dim=1, keepdim=True)
        return torch.cat([every.gather(1, self.tokens), others], dim=1)


def pieces(rows: int, vocabulary: int) -> Iterator[slice]:
    """Slices of about `PIECE` logits that cover all rows."""
    size = max(1, PIECE // vocabulary)
    return (slice(first, min(first + size, rows)) for first in range(0, rows, size))
