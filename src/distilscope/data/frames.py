"""Pictures of any size brought to one square, the frame, which every model sees all of.

The short side is brought to a length and a centre square is kept, as torchvision's and timm's
evaluation transforms do. Maps of all models, whatever their input's size, are of that square.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "nearest": Image.Resampling.NEAREST,
}


def frame(
    picture: Image.Image, size: int, resize: int | None = None, interpolation: str = "bilinear"
) -> np.ndarray:
    """The frame of a picture in mode RGB: uint8 (3, size, size), of a short side of `resize`.

    Long sides are rounded down, and the margin left and above to the nearest even, as in
    torchvision's `Resize` and `CenterCrop`.
    """
    width, height = picture.size
    short, wanted = min(width, height), resize or size
    if short != wanted:
        width, height = (
            wanted if side == short else int(wanted * side / short) for side in (width, height)
        )
        picture = picture.resize((width, height), FILTERS[interpolation])
    left, top = round((width - size) / 2), round((height - size) / 2)
    square = picture.crop((left, top, left + size, top + size))
    return np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1))
