"""What the training loop asks of a modality: its examples, resident on a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

Batches = Sequence[tuple[Tensor, Tensor]]
"""(examples, labels) of each batch, on the device; as many labels as rows of logits."""


class OnPolicy(Protocol):
    """Examples that the model makes itself while it is trained; `training.own_texts` has texts."""

    def due(self, step: int) -> bool:
        """Whether the batch of that step (optimiser steps taken before it) is the model's own."""

    def written(self, model: nn.Module, rows: Tensor) -> Any:
        """What the model, as the loop calls it, makes of the examples at rows (B,).

        It is what `Inputs.shown` would give, and has `at(places)` for some of it. The model is left
        in training mode.
        """

    def labels_of(self, examples: Any) -> Tensor:
        """Int64 of -1, one a row of logits: nobody knows what would have been right."""


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
