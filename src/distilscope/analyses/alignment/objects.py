"""Where the object of an image is and how large, for what of a likeness only follows the object."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from distilscope import store
from distilscope.data.files import IMAGES_FILE
from distilscope.data.part_maps import MAPS_FILE, PartMaps
from distilscope.planning.job import Job

PARTS, FOREGROUND = "parts", "foreground"


def place_and_extent(masks: np.ndarray) -> np.ndarray:
    """Centre and extent of the objects of (N, H, W) bool masks: (N, 4) float64, in pixels.

    Row and column of the mask's mean, and the standard deviations of its pixels' rows and columns;
    NaN where a mask is empty.
    """
    found = np.full((len(masks), 4), np.nan)
    area = masks.sum(axis=(1, 2))
    some = area > 0
    for column, axis in enumerate((2, 1)):  # rows are left when columns are summed over
        along = masks[some].sum(axis=axis).astype(np.float64) / area[some, None]
        grid = np.arange(along.shape[1])
        mean = along @ grid
        found[some, column] = mean
        found[some, 2 + column] = np.sqrt(np.maximum(along @ grid**2 - mean**2, 0))
    return found


def with_products(columns: np.ndarray) -> np.ndarray:
    """(N, K) columns, with all their squares and products: (N, K + K (K + 1) / 2)."""
    first, second = np.triu_indices(columns.shape[1])
    known = ~np.isnan(columns).any(axis=1)
    centred = columns - columns[known].mean(axis=0) if known.any() else columns
    return np.column_stack([columns, centred[:, first] * centred[:, second]])


def of_parts(job: Job, probe: str, index: np.ndarray) -> np.ndarray:
    """(N, H, W) bool masks of images by dataset index: what belongs to any part.

    Raises:
        BadData: an image has no part map.
    """
    return PartMaps.load(job.input("parts") / MAPS_FILE).at(index) > 0


def of_foreground(job: Job, probe: str, index: np.ndarray) -> np.ndarray:
    """The same of a data set on black ground: the pixels with any channel above 0."""
    file = job.input("dataset") / IMAGES_FILE
    found = store.read_tensors(file, [f"{probe}.images", f"{probe}.indices"])
    order = np.argsort(found[f"{probe}.indices"])
    rows = order[np.searchsorted(found[f"{probe}.indices"], index, sorter=order)]
    return (found[f"{probe}.images"][rows] > 0).any(axis=1)


KINDS: Mapping[str, Callable[[Job, str, np.ndarray], np.ndarray]] = {
    PARTS: of_parts,
    FOREGROUND: of_foreground,
}
