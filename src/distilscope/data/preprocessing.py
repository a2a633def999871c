"""What a model makes of the frames of a data set before it sees them: its part, size and scale."""

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
    """Centre crop, resizing, order of channels and normalisation; uint8 in, float32 out.

    Attributes:
        side: of the centre square of the frame that is kept, in pixels of the frame.
        size: side of the model's input.
        interpolation: how the square is brought to that size (with antialiasing).
        reversed: blue comes first, as in networks from OpenCV or Caffe.
        normalisation: mean and std in the model's order of channels.
    """

    side: int
    size: int
    interpolation: str
    reversed: bool
    normalisation: Normalisation

    @classmethod
    def of(cls, own: Mapping[str, Any], frame: int, device: str | torch.device) -> Preprocessing:
        """From the settings of a model: `mean`, `std`, and perhaps `size`, `resize`,
        `interpolation`, `channels`. Without `size` the model takes the whole frame as it is.
        """
        size = own.get("size") or frame
        return cls(
            side=round(frame * share(own)),
            size=size,
            interpolation=own.get("interpolation") or "bilinear",
            reversed=own.get("channels") == "bgr",
            normalisation=Normalisation(tuple(own["mean"]), tuple(own["std"]), device),
        )

    def __call__(self, batch: Tensor) -> Tensor:
        """uint8 (N, 3, F, F) to float32 (N, 3, size, size), on the normalisation's device."""
        batch = batch.to(self.normalisation.device)
        left = round((batch.shape[-1] - self.side) / 2)
        square = batch[..., left : left + self.side, left : left + self.side]
        if self.reversed:
            square = square.flip(1)
        if self.side != self.size:
            smooth = self.interpolation != "nearest"
            square = F.interpolate(
                square.float(),
                size=(self.size, self.size),
                mode=self.interpolation,
                antialias=smooth,
                **({"align_corners": False} if smooth else {}),
            ).clamp_(0, 255)
        return self.normalisation(square)


def share(own: Mapping[str, Any] | None) -> float:
    """The side of the centre square that a model sees, as a part of the frame's."""
    if not own or not own.get("resize") or not own.get("size"):
        return 1.0
    return own["size"] / own["resize"]
