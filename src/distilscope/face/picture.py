"""A picture of a comparison: images with both networks' maps."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from distilscope.reporting import style

if TYPE_CHECKING:
    from distilscope.face.result import Comparison

INCHES = 0.95


class Picture(Figure):
    """A figure that a notebook shows; pyplot, which would hold on to it, has no part in it."""

    def _repr_png_(self) -> bytes:
        written = io.BytesIO()
        FigureCanvasAgg(self).print_png(written)
        return written.getvalue()


def draw(found: Comparison, thumbnails: Sequence[np.ndarray], images: int) -> Figure:
    """Columns are images from the least to the most alike; rows the image and both maps.

    Raises:
        ValueError: no image has a defined rho.
    """
    chosen = spread(found.images["rho"].to_numpy(float), len(thumbnails), images)
    if not len(chosen):
        raise ValueError("no image has two maps that can be compared: there is nothing to draw")
    pictured = len(thumbnails) > 0
    rows = ([] if not pictured else ["image"]) + ["teacher", "student"]
    size = (INCHES * len(chosen) + 0.6, INCHES * len(rows) + 0.5)
    figure = Picture(figsize=size, dpi=style.DPI, layout="constrained")
    axes = figure.subplots(len(rows), len(chosen), squeeze=False)
    rho = found.images["rho"].to_numpy(float)
    for column, position in enumerate(chosen):
        axes[0, column].set_title(f"ρ {rho[position]:.2f}", fontsize=7)
        for row, what in enumerate(rows):
            own = axes[row, column]
            own.set_xticks([])
            own.set_yticks([])
            if what == "image":
                picture = np.moveaxis(thumbnails[position], 0, -1).squeeze()
                own.imshow(picture, cmap="gray" if picture.ndim == 2 else None)
            else:
                own.imshow(getattr(found.maps, what)[position], cmap=style.HEATMAP)
            if column == 0:
                own.set_ylabel(what, fontsize=7)
    return figure


def spread(rho: np.ndarray, pictured: int, images: int) -> np.ndarray:
    """Positions of `images` images over the range of rho (N,), of those with a picture if any.

    >>> spread(np.array([0.5, np.nan, 0.1, 0.9]), pictured=0, images=2).tolist()
    [2, 3]
    """
    known = np.flatnonzero(~np.isnan(rho[: pictured or None]))
    order = known[np.argsort(rho[known], kind="stable")]
    places = np.unique(np.linspace(0, len(order) - 1, min(images, len(order))).round().astype(int))
    return order[places] if len(order) else order
