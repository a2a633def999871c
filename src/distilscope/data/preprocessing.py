"""What a model makes of the images of a data set before it sees them: its size and its scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from distilscope.data.normalisation import Normalisation


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """Resizing, order of channels and normalisation; uint8 in, float32 out.

    Attributes:
        size: side of the model's input.
        interpolation: how images are brought to that size (with antialiasing).
        reversed: blue comes first, as in networks from OpenCV or Caffe.
        normalisation: mean and std in the model's order of channels.
    """

    size: int
    interpolation: str
    reversed: bool
    normalisation: Normalisation

    @classmethod
    def of(cls, own: Mapping[str, Any], frame: int, device: str | torch.device) -> Preprocessing:
        """From the settings of a model: `mean`, `std`, and perhaps `size`, `resize`,
        `interpolation`, `channels`. Without `size` the model takes the images as they are.
        """
        return cls(
            size=own.get("size") or frame,
            interpolation=own.get("interpolation") or "bilinear",
            reversed=own.get("channels") == "bgr",
            normalisation=Normalisation(tuple(own["mean"]), tuple(own["std"]), device),
        )

    def __call__(self, batch: Tensor) -> Tensor:
        """uint8 (N, 3, F, F) to float32 (N, 3, size, size), on the normalisation's device."""
        batch = batch.to(self.normalisation.device)
        if self.reversed:
            batch = batch.flip(1)
        if batch.shape[-1] != self.size:
            smooth = self.interpolation != "nearest"
            batch = F.interpolate(
                batch.float(),
                size=(self.size, self.size),
                mode=self.interpolation,
                antialias=smooth,
                **({"align_corners": False} if smooth else {}),
            ).clamp_(0, 255)
        return self.normalisation(batch)
