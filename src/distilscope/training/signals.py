"""Where a teacher's logits come from while a student is trained.

A signal is a table that was computed once, or the teacher itself. Both give the logits rounded to
fp16, so that at equal precision of the teacher both give the same loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from distilscope import catalog, store
from distilscope.training import runtime

Loss = Callable[[Tensor, Tensor, Sequence[Tensor]], Tensor]
"""(logits (B, C), labels int64 (B,), teachers, each (B, C)) -> scalar loss."""

EpochSignal = Callable[[Tensor, Tensor], Tensor]
"""(rows int64 (B,), their examples as they are shown) -> the teacher's logits fp16 (B, C)."""


class SignalError(ValueError):
    """A teacher whose logits can't be used for what this student is shown."""


class Signal(Protocol):
    """A teacher, as the training loop sees it."""

    def at_epoch(self, columns: Tensor) -> EpochSignal:
        """The teacher's logits for one epoch.

        Args:
            columns: int64 (N,) on the CPU, the column of the view table of each example.
        """


class TargetTable:
    """Logits of a `targets` artefact, mapped into memory.

    An epoch's logits (one row an example) are gathered at once onto the device.

    Attributes:
        logits: float16 (N, V, C), of V views of N examples.
    """

    def __init__(
        self,
        folder: Path,
        indices: Tensor,
        views: Tensor,
        device: torch.device,
        classes: int | None = None,
    ) -> None:
        """Open the table for examples `indices` (N,) shown in `views` (N, V), of so many classes.

        Raises:
            SignalError: it was computed for other examples, other views or other classes.
            DamagedFile: a file is missing or altered.
        """
        self.logits = store.open_array(Path(folder) / "logits.npy")
        self._device = device
        kept_indices = store.open_array(Path(folder) / "indices.npy")
        kept_views = store.open_array(Path(folder) / "views.npy")
        if not np.array_equal(kept_indices, indices.cpu().numpy()):
            raise SignalError(f"{folder} holds the teacher's logits of other data: rebuild it")
        if not np.array_equal(kept_views, views.numpy()):
            raise SignalError(
                f"{folder} holds {kept_views.shape[1]} views of each example, which are not the "
                f"{views.shape[1]} of the recipe: set `views` alike, or `targets: online`"
            )
        expected = (*kept_views.shape, self.logits.shape[-1])
        if self.logits.shape != expected or self.logits.dtype != np.float16:
            raise SignalError(
                f"{folder}: logits are {self.logits.dtype} {self.logits.shape}, "
                f"expected float16 {expected}"
            )
        if classes not in (None, expected[-1]):
            raise SignalError(
                f"{folder} holds logits of {expected[-1]} classes and the data have {classes}: "
                "all teachers of a student know the same classes"
            )

    def at_epoch(self, columns: Tensor) -> EpochSignal:
        """See `Signal`."""
        chosen = self.logits[np.arange(len(columns)), columns.numpy()]
        logits = torch.from_numpy(chosen).to(self._device, non_blocking=True)
        return lambda rows, examples: logits[rows]


@dataclass(frozen=True, eq=False)
class OnlineTeacher:
    """The teacher itself, in eval mode and without gradients.

    Attributes:
        model: on the device of what is shown.
        to_model: examples as the teacher takes them, with its own preprocessing.
        precision: `fp32` or `bf16`.
        in_training_mode: an ablation, of a fault of published code: batches are normalised by
            themselves, running statistics drift (in this process alone) and dropout is on.
    """

    model: nn.Module
    to_model: Callable[[Tensor], Tensor]
    precision: str
    in_training_mode: bool = False

    def __post_init__(self) -> None:
        """Put the teacher into its mode, whoever made it."""
        self.model.train(self.in_training_mode)

    def answer(self, examples: Tensor) -> Tensor:
        """Logits fp16 (B, C) of examples as they are shown."""
        with torch.no_grad(), runtime.autocast(self.precision, examples.device):
            return self.model(self.to_model(examples)).half()

    def at_epoch(self, columns: Tensor) -> EpochSignal:
        """See `Signal`."""
        return lambda rows, examples: self.answer(examples)


# ---------------------------------------------------------------------------------- committees


def combined(loss: Loss, how: str) -> Loss:
    """A loss that learns from a committee: `how` is one of `COMBINED`.

    `losses` is the mean of the losses from each teacher alone; `logits` and `probabilities` are
    the loss from one teacher that has the mean of their logits, or of their probabilities.

    Raises:
        catalog.UnknownName: combined in no known way.
    """
    together = catalog.lookup(COMBINED, how, "way to combine teachers")

    def of_committee(logits: Tensor, labels: Tensor, teachers: Sequence[Tensor]) -> Tensor:
        losses = [loss(logits, labels, [teacher]) for teacher in together(teachers)]
        return torch.stack(losses).mean()

    return of_committee


def mean_logits(teachers: Sequence[Tensor]) -> Tensor:
    """The mean of the teachers' logits, each (B, C): fp32 (B, C)."""
    return torch.stack([teacher.float() for teacher in teachers]).mean(dim=0)


def mean_probabilities(teachers: Sequence[Tensor]) -> Tensor:
    """Logits whose softmax is the mean of the teachers' softmaxes: the mean's log, fp32 (B, C)."""
    logs = torch.stack([teacher.float().log_softmax(dim=1) for teacher in teachers])
    return logs.logsumexp(dim=0) - math.log(len(teachers))


COMBINED: dict[str, Callable[[Sequence[Tensor]], Sequence[Tensor]]] = {
    "losses": list,
    "logits": lambda teachers: [mean_logits(teachers)],
    "probabilities": lambda teachers: [mean_probabilities(teachers)],
}
"""Name in a configuration -> the teachers that a loss learns from one at a time."""
