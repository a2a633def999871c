"""Texts as the training loop asks for them: items a batch at a time, learnt token by token.

An item's target is some of its tokens (its answer, or all but the first); its examples in the loss
are these tokens. A batch of items is thus a larger batch of tokens, in the order of the items and
of the places in each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from distilscope import catalog
from distilscope.data.texts import Texts, TextSplit
from distilscope.models import sources
from distilscope.training.generations import in_place_of
from distilscope.training.inputs import Batches
from distilscope.training.packing import Packed
from distilscope.training.rows import Projected, is_large, packs
from distilscope.training.signals import OnlineTeacher

HELD_OUT_BATCH = 250
LOGITS = 2**27
"""Of items that are evaluated together, at most: of a large vocabulary they are fewer."""

TOGETHER = 64
"""Items that go through a model together: those of a batch that are of like length."""


@dataclass(frozen=True, eq=False)
class Shown:
    """Items as they are shown.

    Attributes:
        tokens: int64 (B, L), padded at the right.
        first: int64 (B,), the place of the first token that is learnt, 1 or later.
        length: int64 (B,), tokens of each item.
    """

    tokens: Tensor
    first: Tensor
    length: Tensor

    def __len__(self) -> int:
        """Number of items."""
        return len(self.length)

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return self.tokens.device

    @property
    def counts(self) -> Tensor:
        """Int64 (B,): how many tokens of each item are learnt."""
        return self.length - self.first

    def at(self, rows: Tensor) -> Shown:
        """Those at rows (b,), as wide as the longest of them."""
        length = self.length[rows]
        return Shown(self.tokens[rows, : int(length.max())], self.first[rows], length)

    @property
    def learnt(self) -> Tensor:
        """Bool (B, L - 1): whether the token behind each place is learnt."""
        places = torch.arange(1, self.tokens.shape[1], device=self.device)
        return (places >= self.first[:, None]) & (places < self.length[:, None])

    @property
    def labels(self) -> Tensor:
        """Int64 (P,): the tokens that are learnt."""
        return self.tokens[:, 1:][self.learnt]


class AtTargets(nn.Module):
    """A language model as the loop sees it: items to logits at the tokens that are learnt.

    Attributes:
        network: tokens int64 (B, L) to logits (B, L, V). One with `hidden`, `head` and `vocabulary`
            (see `models.language`) may have a large vocabulary.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, shown: Shown) -> Tensor | Projected:
        """Logits (P, V), in the order of `shown.labels`; of a large vocabulary `Projected`.

        Items share rows where the network can tell them apart, else those of like length go
        through it together, so that little is filled up.
        """
        if is_large(self.network):
            return Projected.of(self.states(shown), self.network.head, self.network.vocabulary)
        return self.at_once(shown)

    def states(self, shown: Shown) -> Tensor:
        """Final hidden states (P, H) in the same order, of which the head makes logits."""
        if packs(self.network):
            return _packed(self.network.hidden, shown)
        return _gathered(self.network.hidden, shown)

    def at_once(self, shown: Shown) -> Tensor:
        """Logits (P, V), however large the vocabulary."""
        if packs(self.network):
            return _packed(self.network, shown)
        return _gathered(self.network, shown)


def _packed(of: Callable[..., Tensor], shown: Shown) -> Tensor:
    """What a network says at the tokens that are learnt, of items in shared rows."""
    lengths = shown.length - 1  # nothing follows the last token
    packed = Packed.of(lengths)
    within = torch.arange(shown.tokens.shape[1], device=shown.device) < lengths[:, None]
    tokens = packed.filled(shown.tokens[within])
    said = of(tokens, packed.position, packed.hidden_from)
    chosen = packed.place[shown.learnt[within[:, :-1]]]
    return said.flatten(0, 1).index_select(0, chosen)


def _gathered(of: Callable[[Tensor], Tensor], shown: Shown) -> Tensor:
    """What a network says at the tokens that are learnt, in their order."""
    order = shown.length.argsort(stable=True)
    groups = order.split(TOGETHER)
    parts = [_at_targets(of, shown.at(rows)) for rows in groups]
    if len(parts) == 1 and torch.equal(order, torch.arange(len(order), device=order.device)):
        return parts[0]
    ends = shown.counts.cumsum(0)
    place = places(ends - shown.counts, shown.counts, order)
    return torch.cat(parts).index_select(0, place.argsort())


def _at_targets(of: Callable[[Tensor], Tensor], shown: Shown) -> Tensor:
    said = of(shown.tokens[:, :-1])  # nothing follows the last token
    chosen = shown.learnt.flatten().nonzero()[:, 0]
    return said.flatten(0, 1).index_select(0, chosen)


def places(starts: Tensor, counts: Tensor, rows: Tensor) -> Tensor:
    """Int64 (P,): where the tokens of items at rows (b,) are in a table of a row a token.

    Args:
        starts, counts: int64 (N,): of each item the place of its first token, and their number.
    """
    own = counts[rows]
    ends = own.cumsum(0)
    within = torch.arange(int(own.sum()), device=rows.device)
    return within + (starts[rows] - (ends - own)).repeat_interleave(own)


@dataclass(frozen=True, eq=False)
class Items:
    """See `inputs.Inputs`.

    Attributes:
        train: items that are learnt from.
        held_out_items: items that are not.
        positions: whose tokens are learnt, a key of `POSITIONS`.
        vocabulary: how many logits a token has.
    """

    train: TextSplit
    held_out_items: TextSplit
    positions: str
    vocabulary: int
    unit: ClassVar[str] = Texts.unit

    @classmethod
    def of(cls, texts: Texts, recipe: Mapping[str, Any], generations: Path | None = None) -> Items:
        """Those of prepared texts, as a recipe says.

        Args:
            generations: the folder of a teacher's own texts, in the place of the training
                part's; held-out items stay as the recipe says.

        Raises:
            catalog.UnknownName: positions, or a version of the texts, that there aren't.
            ValueError: the teacher's texts are of other items, or no item is of the recipe's tasks.
        """
        taught, positions = recipe["taught"], recipe["positions"]
        catalog.lookup(POSITIONS, positions, "positions")
        train, held_out = (texts.split(name, taught) for name in ("train", "held-out"))
        if generations is not None:
            train = in_place_of(train, generations)
        if recipe.get("tasks"):
            train, held_out = (texts.of_tasks(s, recipe["tasks"]) for s in (train, held_out))
        return cls(train, held_out, positions, texts.vocabulary)

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return self.train.tokens.device

    @cached_property
    def whole(self) -> Shown:
        """All training items."""
        return shown(self.train, self.positions)

    @property
    def held_out(self) -> Batches:
        """Batches of the held-out items."""
        if not len(self.held_out_items):
            return []
        every = shown(self.held_out_items, self.positions)
        rows = together(every, self.vocabulary, HELD_OUT_BATCH)
        return [(some, some.labels) for some in map(every.at, rows)]

    def labels_of(self, rows: Tensor) -> Tensor:
        """Int64 (P,), the tokens that are learnt of the items at rows (B,)."""
        return self.whole.at(rows).labels

    def shown(self, rows: Tensor, view_ids: Tensor) -> Shown:
        """The items at rows (B,): there is one view of each."""
        return self.whole.at(rows)

    def to_model(self, examples: Shown) -> Shown:
        """As they are."""
        return examples


POSITIONS = {
    "answer": lambda split: split.start,
    "all": lambda split: torch.ones_like(split.start),
}
"""Name in a recipe -> of each item of a split the first token that is learnt."""


def shown(split: TextSplit, positions: str) -> Shown:
    """All items of a split."""
    return Shown(split.tokens, POSITIONS[positions](split), split.length)


def together(every: Shown, vocabulary: int, most: int) -> tuple[Tensor, ...]:
    """Rows of items in their order, so many at a time that their logits can be held."""
    able = LOGITS // (vocabulary * int(every.counts.max()))
    return torch.arange(len(every), device=every.device).split(max(1, min(most, able)))


def online_teacher(
    folder: Path, texts: Texts, precision: str, device: torch.device
) -> OnlineTeacher:
    """The language model of an artefact's folder, ready to answer."""
    model = AtTargets(sources.load(folder, texts.vocabulary).requires_grad_(False).to(device))
    return OnlineTeacher(model, lambda examples: examples, precision)
