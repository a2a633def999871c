"""Regions of real images, cut without knowing what is there: grids, superpixels, the foreground.

A region is not a part: nobody has said what it shows, and prose must call it a region. All are part
maps as in `part_maps`: uint8 (N, H, W), 0 where there is none. They are computed from the images
alone, never from labels or models.
"""

from __future__ import annotations

import numpy as np

from distilscope.data.part_maps import MOST_PARTS, PartMaps, areas
from distilscope.data.raw import BadData
from distilscope.workflow import progress

FOREGROUND = "foreground"
REGIONS_COMMAND = 'pip install "distilscope[regions]"'


def grid(index: np.ndarray, height: int, width: int, rows: int, columns: int) -> PartMaps:
    """The cells of a grid that covers the image; cells differ by a pixel where it doesn't divide.

    Args:
        index: (N,) dataset indices. height, width: of the images in pixels.
        rows, columns: of the grid; cell (r, c) is named `r1c1` and so on from the top left.

    Raises:
        BadData: over 255 cells, or more cells than pixels.
    """
    if not (1 <= rows <= height and 1 <= columns <= width and rows * columns <= MOST_PARTS):
        raise BadData(
            f"a grid of {rows}x{columns} on {height}x{width} pixels: expected 1 to {MOST_PARTS} "
            "cells, none smaller than a pixel"
        )
    row = np.arange(height) * rows // height
    column = np.arange(width) * columns // width
    cells = (row[:, None] * columns + column[None, :] + 1).astype(np.uint8)
    maps = np.broadcast_to(cells, (len(index), height, width)).copy()
    return PartMaps(np.asarray(index, np.int64), maps, _cell_names(rows, columns), "regions")


def foreground(index: np.ndarray, images: np.ndarray, threshold: int = 0) -> PartMaps:
    """One region: the pixels above the ground of a data set whose ground is black.

    Args:
        index: (N,) dataset indices. images: uint8 (N, 3, H, W).
        threshold: a pixel is foreground where any channel is above it.

    An image with no such pixel has no region; `PartMaps.findings` names it.

    Raises:
        BadData: no image has any ground, so that the data set's ground isn't black.
    """
    _check(images)
    above = (images > threshold).any(axis=1)
    if len(above) and above.all():
        raise BadData(
            f"no image has a pixel of {threshold} or less: a foreground is defined for data sets "
            "with black ground only; use a grid or superpixels"
        )
    return PartMaps(np.asarray(index, np.int64), above.astype(np.uint8), (FOREGROUND,), "regions")


def foreground_grid(
    index: np.ndarray, images: np.ndarray, rows: int, columns: int, threshold: int = 0
) -> PartMaps:
    """The cells of a grid over the box of the foreground, so that a cell is about the same place
    of the object in every image. Pixels of the ground inside the box belong to the cells too.

    Args:
        As of `foreground` and `grid`.

    Raises:
        BadData: over 255 cells, or no image has any ground.
    """
    if not (rows >= 1 and columns >= 1 and rows * columns <= MOST_PARTS):
        raise BadData(f"a grid of {rows}x{columns}: expected 1 to {MOST_PARTS} cells")
    above = foreground(index, images, threshold).maps > 0
    row, inside_rows = _cells_of_span(above.any(axis=2), rows)
    column, inside_columns = _cells_of_span(above.any(axis=1), columns)
    cells = row[:, :, None] * columns + column[:, None, :] + 1
    inside = inside_rows[:, :, None] & inside_columns[:, None, :]
    maps = np.where(inside, cells, 0).astype(np.uint8)
    return PartMaps(np.asarray(index, np.int64), maps, _cell_names(rows, columns), "regions")


def superpixels(
    index: np.ndarray, images: np.ndarray, segments: int = 16, compactness: float = 10.0
) -> PartMaps:
    """SLIC superpixels (Achanta et al. 2012, doi 10.1109/TPAMI.2012.120), by scikit-image.

    Clusters of pixels near in place and in CIELAB colour, made connected. A number says nothing
    across images: region 3 of two images have nothing in common.

    Args:
        index: (N,) dataset indices. images: uint8 (N, 3, H, W).
        segments: about how many an image has.
        compactness: weight of place against colour; larger is squarer.

    Raises:
        BadData: more segments than a part map holds.
        ModuleNotFoundError: scikit-image is not installed; the message has the command.
    """
    _check(images)
    if not 2 <= segments <= MOST_PARTS // 2:
        raise BadData(f"segments is {segments}, expected 2 to {MOST_PARTS // 2}")
    slic = _slic()
    maps = np.zeros((len(images), *images.shape[2:]), np.int64)
    stage = progress.stage("superpixels", len(images))
    for place, image in enumerate(images):
        maps[place] = slic(
            image.transpose(1, 2, 0),
            n_segments=segments,
            compactness=compactness,
            start_label=1,
            channel_axis=-1,
        )
        stage.advance()
    most = int(maps.max(initial=1))
    if most > MOST_PARTS:
        raise BadData(f"{most} superpixels in an image, at most {MOST_PARTS} fit; ask for fewer")
    names = tuple(f"superpixel {number}" for number in range(1, most + 1))
    return PartMaps(np.asarray(index, np.int64), maps.astype(np.uint8), names, "regions")


def without(images: np.ndarray, maps: np.ndarray, number: int) -> np.ndarray:
    """The images with one region filled by the mean colour of the image's other pixels.

    A stand-in for removal where a scene can't be drawn again. It takes the region's content away
    but leaves its outline, and the result is unlike any image a model was trained on.

    Args:
        images: uint8 (N, 3, H, W). maps: uint8 (N, H, W). number: of the region.

    Returns:
        uint8 (N, 3, H, W); an image is as it was where it has no such region or nothing else.
    """
    _check(images)
    inside = (maps == number)[:, None]
    rest = areas((maps == number).astype(np.uint8), 1)[:, 0]
    usable = (rest > 0)[:, None]
    total = np.where(inside, 0, images).sum(axis=(2, 3), dtype=np.float64)
    mean = np.rint(total / np.maximum(rest, 1)[:, None]).astype(np.uint8)
    return np.where(inside & usable[:, :, None, None], mean[:, :, None, None], images)


def _slic():
    try:
        from skimage.segmentation import slic
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"superpixels need scikit-image, which can't be imported ({error}): "
            f"{REGIONS_COMMAND}, or use a grid of regions",
            name=error.name,
        ) from error
    return slic


def _cells_of_span(hit: np.ndarray, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """For each line of (N, L) its cell 0 .. cells - 1 within first .. last hit, and whether it is
    within. Lines of an image without a hit are never within."""
    length = hit.shape[1]
    first = hit.argmax(axis=1)
    last = length - 1 - hit[:, ::-1].argmax(axis=1)
    line = np.arange(length)[None, :]
    span = (last - first + 1)[:, None]
    within = (line >= first[:, None]) & (line <= last[:, None]) & hit.any(axis=1)[:, None]
    return np.clip((line - first[:, None]) * cells // span, 0, cells - 1), within


def _cell_names(rows: int, columns: int) -> tuple[str, ...]:
    return tuple(f"r{r}c{c}" for r in range(1, rows + 1) for c in range(1, columns + 1))


def _check(images: np.ndarray) -> None:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise BadData(f"images are {images.dtype} {images.shape}, expected uint8 (N, 3, H, W)")
