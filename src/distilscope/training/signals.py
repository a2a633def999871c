"""Where a teacher's logits come from while a student is trained.

A signal is a table that was computed once, or the teacher itself. Both give the logits rounded to
fp16, so that at equal precision of the teacher both give the same loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from distilscope import store
from distilscope.data.dataset import Dataset, Normalisation
from distilscope.models import weights
from distilscope.training import runtime

EpochSignal = Callable[[Tensor, Tensor], Tensor]
"""(rows int64 (B,), their views uint8 (B, 3, H, W)) -> the teacher's logits fp16 (B, C)."""


class SignalError(ValueError):
    """A teacher whose logits can't be used for this student's images."""


class Signal(Protocol):
    """A teacher, as the training loop sees it."""

    def at_epoch(self, columns: Tensor) -> EpochSignal:
        """The teacher's logits for one epoch.

        Args:
            columns: int64 (N,) on the CPU, the column of the view table each image is shown in.
        """


class TargetTable:
    """Logits of a `targets` artefact, mapped into memory.

    An epoch's logits (one row an image) are gathered at once onto the device.
    """

    def __init__(self, folder: Path, indices: Tensor, views: Tensor, device: torch.device) -> None:
        """Open the table for images `indices` (N,) shown in `views` (N, V).

        Raises:
            SignalError: it was computed for other images or other views.
            DamagedFile: a file is missing or altered.
        """
        self._logits = store.open_array(Path(folder) / "logits.npy")
        self._device = device
        kept_indices = store.open_array(Path(folder) / "indices.npy")
        kept_views = store.open_array(Path(folder) / "views.npy")
        if not np.array_equal(kept_indices, indices.cpu().numpy()):
            raise SignalError(f"{folder} holds the teacher's logits of other images: rebuild it")
        if not np.array_equal(kept_views, views.numpy()):
            raise SignalError(
                f"{folder} holds {kept_views.shape[1]} views of each image, which are not the "
                f"{views.shape[1]} of the recipe: set `views` alike, or `targets: online`"
            )
        expected = (*kept_views.shape, self._logits.shape[-1])
        if self._logits.shape != expected or self._logits.dtype != np.float16:
            raise SignalError(
                f"{folder}: logits are {self._logits.dtype} {self._logits.shape}, "
                f"expected float16 {expected}"
            )

    def at_epoch(self, columns: Tensor) -> EpochSignal:
        """See `Signal`."""
        chosen = self._logits[np.arange(len(columns)), columns.numpy()]
        logits = torch.from_numpy(chosen).to(self._device, non_blocking=True)
        return lambda rows, views: logits[rows]


@dataclass(frozen=True, eq=False)
class OnlineTeacher:
    """The teacher itself, in eval mode and without gradients.

    Attributes:
        model: on the device of the views.
        normalise: the teacher's own, uint8 (B, 3, H, W) to float32.
        precision: `fp32` or `bf16`.
    """

    model: nn.Module
    normalise: Callable[[Tensor], Tensor]
    precision: str

    def __post_init__(self) -> None:
        """Put the teacher into eval mode, whoever made it."""
        self.model.eval()

    def answer(self, views: Tensor) -> Tensor:
        """Logits fp16 (B, C) of views uint8 (B, 3, H, W)."""
        with torch.no_grad(), runtime.autocast(self.precision, views.device):
            return self.model(runtime.inputs(views, self.normalise)).half()

    def at_epoch(self, columns: Tensor) -> EpochSignal:
        """See `Signal`."""
        return lambda rows, views: self.answer(views)


def online_teacher(
    folder: Path, dataset: Dataset, precision: str, device: torch.device
) -> OnlineTeacher:
    """The model of an artefact's folder, ready to answer for its own preprocessing."""
    model = weights.load_model(folder, len(dataset.classes), str(device))
    settings = store.read_json(folder / "run.json", settings=dict)["settings"]
    return OnlineTeacher(model, normalisation_of(settings, dataset, device), precision)


def normalisation_of(
    settings: Mapping[str, Any], dataset: Dataset, device: torch.device
) -> Normalisation:
    """A model's own preprocessing, or the dataset's."""
    own = settings.get("preprocessing")
    if not own:
        return dataset.normalisation
    return Normalisation(tuple(own["mean"]), tuple(own["std"]), device)
