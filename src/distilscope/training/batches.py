"""Which examples, in which views, make up each batch: a function of (indices, recipe, seed)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from distilscope.data.views import ViewOrder, epoch_order, make_policy, view_table


@dataclass(frozen=True, eq=False)
class EpochPlan:
    """One epoch.

    Attributes:
        batches: rows (positions in the training split) of each batch, int64, on the device.
        columns: int64 (N,), on the CPU: the column of the view table of each example.
        view_ids: int64 (N,), on the device: the view ids in those columns.
    """

    batches: tuple[Tensor, ...]
    columns: Tensor
    view_ids: Tensor


class BatchPlan:
    """All epochs of a run. No objective enters, so a control sees what its student sees.

    Attributes:
        table: int16 (N, V), the view ids that may be shown.
        examples: training examples an epoch: all, but for one that would be a batch by itself
            (batch normalisation needs two).
        steps: batches an epoch.
    """

    def __init__(self, indices: Tensor, recipe: Mapping[str, Any], seed: int) -> None:
        """A plan for the examples `indices` (dataset indices, int64 (N,)).

        Raises:
            ValueError: fewer than two examples, or `views` that the policy doesn't have.
        """
        if len(indices) < 2:
            raise ValueError(f"training needs at least 2 examples, the dataset has {len(indices)}")
        self.table = table_of(recipe["views"], indices)
        self._batch, self._seed = recipe["batch"], seed
        self._order = ViewOrder(self.table.shape[1], indices, seed)
        alone = self._batch > 1 and len(indices) % self._batch == 1
        self.examples = len(indices) - alone
        self.steps = -(-self.examples // self._batch)

    def epoch(self, number: int, device: torch.device) -> EpochPlan:
        """The plan of an epoch counted from 0."""
        columns = self._order.columns_at(number)
        view_ids = self.table.gather(1, columns[:, None])[:, 0].long()
        order = epoch_order(len(self.table), self._seed, number)[: self.examples]
        return EpochPlan(
            order.to(device, non_blocking=True).split(self._batch),
            columns,
            view_ids.to(device, non_blocking=True),
        )


def table_of(views: Mapping[str, Any], indices: Tensor) -> Tensor:
    """The view table int16 (N, V) of examples `indices` under a recipe's `views` settings."""
    policy = make_policy(views)
    return view_table(policy, indices, None if "drawn" in views else views["tabulated"])
