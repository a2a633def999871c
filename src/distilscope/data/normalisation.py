"""(pixel / 255 - mean) / std, with constants that are put on the device once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch


@dataclass(frozen=True, eq=False)
class Normalisation:
    """(pixel / 255 - mean) / std for each channel, on one device.

    Attributes:
        mean, std: a number a channel, of pixels on [0, 1].
        device: where the batches are.

    Raises:
        ValueError: a standard deviation that is not above 0.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    device: str | torch.device = "cpu"
    _scale: torch.Tensor = field(init=False, repr=False)
    _shift: torch.Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Put the two constants of each channel on the device once, not once a batch."""
        if len(self.mean) != len(self.std) or not all(std > 0 for std in self.std):
            raise ValueError(
                f"normalisation: mean {self.mean} and std {self.std} need one number a channel, "
                "with every std above 0"
            )
        mean, std = (np.array(numbers, dtype=np.float64) for numbers in (self.mean, self.std))
        for name, values in (("_scale", 1 / (255 * std)), ("_shift", -mean / std)):
            constant = torch.from_numpy(values.astype(np.float32)).to(self.device)
            object.__setattr__(self, name, constant.view(-1, 1, 1))

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Normalise uint8 (N, C, H, W) to float32 of the same shape and memory format."""
        return batch.to(torch.float32).mul_(self._scale).add_(self._shift)
