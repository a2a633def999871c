"""What the training loop asks of a modality: its examples, resident on a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

Batches = Sequence[tuple[Tensor, Tensor]]
"""(examples, labels) of each batch, on the device; as many labels as rows of logits."""


class Inputs(Protocol):
    """The training part of a data set in one modality; `training.images` has that of images.

    Attributes:
        unit: what its examples are called, in the plural.
        device: where they are.
        held_out: the examples that are not trained on, as they are.
    """

    unit: str

    @property
    def device(self) -> torch.device: ...

    @property
    def held_out(self) -> Batches: ...

    def labels_of(self, rows: Tensor) -> Tensor:
        """What is to be learnt of the examples at rows (B,): int64 (B,), or of text int64 (P,), a
        token each; the model's logits have as many rows.
        """

    def shown(self, rows: Tensor, view_ids: Tensor) -> Tensor:
        """The examples at rows (B,) of the training part in the views (B,), before any model's
        own preprocessing: what a teacher is asked about.
        """

    def to_model(self, examples: Tensor) -> Tensor:
        """Examples as the model that is trained takes them."""
