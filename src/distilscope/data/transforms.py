"""The random transforms of drawn policies, made of torchvision's own.

All randomness is torch's: the same state of its generator gives the same picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torchvision.transforms import v2

SCALE = (0.2, 1.0)
DEGREES = 15
HOLE = 16 / 224
"""Side of the published hole, as a part of the image's."""


class Cutout(v2.Transform):
    """A black square around a pixel that is drawn uniformly; its part outside the image is lost.

    DeVries and Taylor 2017 (arXiv 1708.04552), with one hole.

    Args:
        side: pixels; of an even side the longer half lies above and left of the centre.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """The centre: row and column."""
        height, width = flat_inputs[0].shape[-2:]
        row, column = (int(torch.randint(0, size, ())) for size in (height, width))
        return {"row": row, "column": column}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The picture (..., H, W) with the hole."""
        top, left = params["row"] - self.side // 2, params["column"] - self.side // 2
        found = inpt.clone()
        rows, columns = (slice(max(at, 0), max(at + self.side, 0)) for at in (top, left))
        found[..., rows, columns] = 0
        return found


def resized_crop(image_size: int) -> v2.Transform:
    """A random part of 20 to 100 % of the area, resized: the base of the published affinity."""
    return v2.RandomResizedCrop(image_size, scale=SCALE, antialias=True)


def graded(image_size: int, strength: float) -> v2.Transform:
    """The published weak policy at 0, the strong one at 1, and between them a share of both.

    Weak is a resized crop, a flip and a rotation by up to 15 degrees. Strong adds AutoAugment's
    policy for CIFAR-10 and a hole of 16 pixels at 224, here of as large a part of the side, but
    one pixel at least. `strength` is the share of draws that get these two.
    """
    steps = [
        resized_crop(image_size),
        v2.RandomHorizontalFlip(),
        v2.RandomRotation(DEGREES),
    ]
    added = [v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10), Cutout(max(1, round(HOLE * image_size)))]
    if strength == 1:
        steps += added
    elif strength > 0:
        steps.append(v2.RandomApply(added, p=strength))
    return v2.Compose(steps)


def torchvision(
    image_size: int, name: str, settings: Mapping[str, Any] | None = None
) -> v2.Transform:
    """A transform of torchvision.transforms.v2 by name, with its settings.

    Raises:
        ValueError: torchvision refuses the settings.
    """
    given = dict(settings or {})
    if name == "AutoAugment" and "policy" in given:
        known = {policy.value: policy for policy in v2.AutoAugmentPolicy}
        if given["policy"] not in known:
            raise ValueError(f"AutoAugment has no policy {given['policy']!r}; it has {[*known]}")
        given["policy"] = known[given["policy"]]
    if name == "RandomResizedCrop":
        given.setdefault("size", image_size)
    try:
        return getattr(v2, name)(**given)
    except (TypeError, ValueError) as error:
        raise ValueError(f"torchvision/{name} can't be made with {given}: {error}") from None
