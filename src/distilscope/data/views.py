"""View policies: how training inputs vary, as tensor operations on a whole batch.

A view is (dataset index, view id). Under a finite policy the ids are 0 to `count` - 1, so that a
teacher's answer to every view can be stored. Which views an image gets, and in which order, is a
function of seeds and dataset indices alone: all objectives of one seed see the same views in the
same order, and any epoch can be worked out without those before it.
"""

from __future__ import annotations

import dataclasses
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn import functional

from distilscope import catalog
from distilscope.data.hashing import Stream, mix

LARGEST_PAD = 63
"""At pad 64 the number of views no longer fits the int16 of the view table."""


class ViewPolicy(Protocol):
    """What training needs of a finite view policy."""

    @property
    def count(self) -> int:
        """Number of views of an image; ids are 0 to `count` - 1."""

    def render(self, images: torch.Tensor, view_ids: torch.Tensor) -> torch.Tensor:
        """The views `view_ids` (N,) of `images` uint8 (N, 3, H, W), of the same shape."""


@dataclass(frozen=True)
class Identity:
    """One view: the image itself."""

    @property
    def count(self) -> int:
        """1."""
        return 1

    def render(self, images: torch.Tensor, view_ids: torch.Tensor) -> torch.Tensor:
        """The images as they are; `view_ids` (N,) are all 0."""
        return images


@dataclass(frozen=True)
class CropFlip:
    """A shift by up to `pad` pixels over black, then a horizontal flip or none.

    View id v means flip = v mod 2 and, with r = v div 2 and s = 2 pad + 1, the window of the
    padded image that begins at column r mod s and row r div s. It equals torchvision's `pad`,
    `crop` and `hflip` in this order, bit for bit.

    Attributes:
        pad: pixels of black around the image, 0 to 63.
    """

    pad: int

    def __post_init__(self) -> None:
        """Refuse a pad whose views can't be numbered.

        Raises:
            ValueError: pad outside 0 to 63.
        """
        if not 0 <= self.pad <= LARGEST_PAD:
            raise ValueError(f"views: pad is {self.pad}, expected 0 to {LARGEST_PAD}")

    @property
    def count(self) -> int:
        """2 (2 pad + 1)^2: 162 at pad 4."""
        return 2 * (2 * self.pad + 1) ** 2

    def render(self, images: torch.Tensor, view_ids: torch.Tensor) -> torch.Tensor:
        """Draw one view of each image with a single gather.

        Args:
            images: uint8 (N, C, H, W) on any device.
            view_ids: integers (N,) in [0, count), on the same device.

        Returns:
            uint8 (N, C, H, W), contiguous. Normalise first and convert to channels_last then:
            the conversion is many times faster on float32 than on uint8.
        """
        n, channels, height, width = images.shape
        side = 2 * self.pad + 1
        view_ids = view_ids.long()
        flipped, shift = view_ids % 2 == 1, view_ids // 2
        row = torch.arange(height, device=images.device)
        column = torch.arange(width, device=images.device)
        column = torch.where(flipped[:, None], width - 1 - column, column)
        rows = (shift // side)[:, None] + row
        columns = (shift % side)[:, None] + column
        padded_width = width + 2 * self.pad
        pixels = (rows[:, :, None] * padded_width + columns[:, None, :]).view(n, 1, -1)
        padded = functional.pad(images.contiguous(), (self.pad,) * 4).view(n, channels, -1)
        return padded.gather(2, pixels.expand(n, channels, -1)).view(images.shape)


@dataclass(frozen=True)
class Draws:
    """So many draws of a random policy; `data.drawn.Drawn` has what they look like.

    Attributes:
        count: draws of each image; ids are 0 to `count` - 1.
    """

    count: int

    def render(self, images: torch.Tensor, view_ids: torch.Tensor) -> torch.Tensor:
        """Refuse: a draw depends on which image it is of, not on its pixels alone.

        Raises:
            ValueError: always.
        """
        raise ValueError("views: drawn views are rendered by a job of their own; pass its folder")


def make_policy(views: Mapping[str, Any]) -> ViewPolicy:
    """The policy that a recipe's `views` settings describe.

    Args:
        views: `policy` (a name in `catalog.VIEW_POLICIES`) and what that policy takes; or `drawn`
            and `tabulated`, how many draws there are. Further keys are for others.

    Raises:
        catalog.UnknownName: no such policy.
        ValueError: a setting of the policy is missing or out of range.
    """
    if "drawn" in views:
        return Draws(views["tabulated"])
    name = views["policy"]
    policy = pkgutil.resolve_name(catalog.lookup(catalog.VIEW_POLICIES, name, "view policy"))
    wanted = [field.name for field in dataclasses.fields(policy)]
    missing = [key for key in wanted if key not in views]
    if missing:
        raise ValueError(f"views: policy {name!r} needs {missing[0]!r}, which is not set")
    return policy(**{key: views[key] for key in wanted})


# --------------------------------------------------------------------------- which views, when


def view_table(policy: ViewPolicy, indices: torch.Tensor, per_image: int | None) -> torch.Tensor:
    """The view ids that are tabulated for each image.

    A row is a function of the policy's number of views and of the dataset index; a smaller
    `per_image` gives the first columns of a larger one.

    Args:
        policy: a finite policy.
        indices: int64 (N,), dataset indices.
        per_image: distinct views an image; None tabulates all, in the order of their ids.

    Returns:
        int16 (N, V) on the CPU, V = `per_image` or `policy.count`.

    Raises:
        ValueError: `per_image` is not in 1 to `policy.count`.
    """
    if per_image is None:
        every = torch.arange(policy.count, dtype=torch.int16)
        return every.repeat(len(indices), 1)
    if not 1 <= per_image <= policy.count:
        raise ValueError(
            f"views.per_image is {per_image} and the policy has {policy.count} views of an image: "
            f"give 1 to {policy.count}, or `all`"
        )
    rows = indices.cpu().numpy()
    ids = _permutations(policy.count, Stream.VIEW_TABLE, policy.count, rows[:, None])
    return torch.from_numpy(ids[:, :per_image].astype(np.int16))


class ViewOrder:
    """Which column of the view table each image is shown at each epoch.

    Every image walks through a permutation of its columns, hashed from (seed, dataset index,
    pass) and drawn anew for each full pass: in any `columns` epochs that begin at a multiple of
    `columns`, an image is shown each of its views once.
    """

    def __init__(self, columns: int, indices: torch.Tensor, seed: int) -> None:
        """An order over the table of `columns` views of images `indices` (int64, (N,))."""
        self.columns = columns
        self.seed = seed
        self._indices = indices.cpu().numpy()
        self._drawn: tuple[int, torch.Tensor] | None = None

    def columns_at(self, epoch: int) -> torch.Tensor:
        """The column of each image at an epoch counted from 0: int64 (N,) on the CPU."""
        number, step = divmod(epoch, self.columns)
        return self._pass(number)[:, step].long()

    def _pass(self, number: int) -> torch.Tensor:
        """The permutations (N, columns) of one pass. The last one is kept: it costs a sort."""
        if self._drawn is None or self._drawn[0] != number:
            rows = self._indices[:, None]
            order = _permutations(self.columns, Stream.VIEW_ORDER, self.seed, number, rows)
            self._drawn = number, torch.from_numpy(order.astype(np.int16))
        return self._drawn[1]


def epoch_order(n: int, seed: int, epoch: int) -> torch.Tensor:
    """The order in which positions 0 to `n` - 1 are visited in an epoch: int64 (n,)."""
    return torch.from_numpy(_permutations(n, Stream.EPOCH_ORDER, seed, epoch))


def _permutations(n: int, *words: int | np.ndarray) -> np.ndarray:
    """Permutations of 0 to `n` - 1, one a row of `words` (ints or (N, 1)): int64 (..., n)."""
    return np.argsort(mix(*words, np.arange(n)), axis=-1)
