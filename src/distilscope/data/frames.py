"""Pictures of any size brought to one square, the frame, which every model then takes its part of.

The short side is brought to the frame's and the centre square is kept. torchvision's and timm's
evaluation transforms do the same and then keep a smaller centre: where the frame is as large as
their `resize`, a model's input is theirs to the bit.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "nearest": Image.Resampling.NEAREST,
}


def frame(picture: Image.Image, size: int, interpolation: str = "bilinear") -> np.ndarray:
    """The frame of a picture in mode RGB: uint8 (3, size, size).

    Long sides are rounded down, and the margin left and above to the nearest even, as in
    torchvision's `Resize` and `CenterCrop`.
    """
    width, height = picture.size
    short = min(width, height)
    if short != size:
        width, height = (
            size if side == short else int(size * side / short) for side in (width, height)
        )
        picture = picture.resize((width, height), FILTERS[interpolation])
    left, top = round((width - size) / 2), round((height - size) / 2)
    square = picture.crop((left, top, left + size, top + size))
    return np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1))
