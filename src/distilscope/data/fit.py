"""Bringing images to the size that a study asks for."""

from __future__ import annotations

import numpy as np
from PIL import Image

from distilscope.data.raw import BadData


def pad(images: np.ndarray, size: int, source: str) -> np.ndarray:
    """Centre images in a black square; an odd rest goes to the right and to the bottom.

    Args:
        images: uint8 (N, H, W) or (N, H, W, 3).
        size: side of the square in pixels.
        source: what an error calls the images.

    Raises:
        BadData: an image is larger than the square.
    """
    height, width = images.shape[1:3]
    check_padding(height, width, size, source)
    top, left = _margin(height, size), _margin(width, size)
    squares = np.zeros((len(images), size, size, *images.shape[3:]), dtype=np.uint8)
    squares[:, top : top + height, left : left + width] = images
    return squares


def resize(images: np.ndarray, size: int, source: str) -> np.ndarray:
    """Scale images to a square with Pillow's bilinear filter, which averages when it shrinks.

    The sides are scaled each by itself: a picture that is not square is stretched.

    Args:
        images: uint8 (N, H, W) or (N, H, W, 3).
        size: side of the square in pixels.
        source: not used; any image can be scaled.
    """
    if images.shape[1:3] == (size, size):
        return images
    squares = np.empty((len(images), size, size, *images.shape[3:]), dtype=np.uint8)
    for position, image in enumerate(images):
        squares[position] = np.asarray(resize_picture(Image.fromarray(image), size))
    return squares


def resize_picture(picture: Image.Image, size: int) -> Image.Image:
    """One picture (mode L or RGB) scaled to `size` x `size` as in `resize`."""
    return picture.resize((size, size), Image.Resampling.BILINEAR)


def check_padding(height: int, width: int, size: int, source: str) -> None:
    """Refuse images that are larger than the square they are to be padded to.

    Raises:
        BadData: they are.
    """
    if height > size or width > size:
        raise BadData(
            f"{source}: images of {height}x{width} pixels don't fit into image_size {size} by "
            f"padding; set `fit: resize` or `image_size: {max(height, width)}` or more"
        )


def placement(fit: str, width: int, height: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the points of an image come to lie: at scale * (x, y) + offset, each (2,)."""
    if fit == "pad":
        return np.ones(2), np.array([_margin(width, size), _margin(height, size)], float)
    return np.array([size / width, size / height]), np.zeros(2)


def _margin(side: int, size: int) -> int:
    """What is added before an image; an odd rest goes behind it."""
    return (size - side) // 2


FITS = {"pad": pad, "resize": resize}
