"""Saliency maps as pictures: upsampled over the image they explain."""

from __future__ import annotations

import matplotlib
import numpy as np

from distilscope.analyses.alignment import maps as resampling

COLOURS = "inferno"
OPACITY = (0.25, 0.75)  # of the colour where the map is 0 and where it is at its maximum


def shown(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """A stored map as GradCAM shows it: positive part on [0, 1] at its native grid (h, w).

    A map without a positive cell comes out as zeros: there is nothing to show.
    """
    grid = resampling.positive_part(np.asarray(values, dtype=np.float64).reshape(height, width))
    peak = grid.max(initial=0.0)
    return grid / peak if np.isfinite(peak) and peak > 0 else np.zeros_like(grid)


def overlay(image: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """The image in grey under the map's colours: uint8 (H, W, 3) and (h, w) on [0, 1] -> uint8."""
    height, width = image.shape[:2]
    strength = np.clip(resampling.upsample(grid[None], (height, width))[0], 0.0, 1.0)
    grey = image.astype(np.float64) @ (0.299, 0.587, 0.114) / 255
    colours = matplotlib.colormaps[COLOURS](strength)[..., :3]
    low, high = OPACITY
    opacity = (low + (high - low) * strength)[..., None]
    blended = (1 - opacity) * grey[..., None] + opacity * colours
    return np.round(255 * blended).astype(np.uint8)
