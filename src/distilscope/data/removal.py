"""Test images without one of their parts: what a part is really worth to a model.

A picture for each pair of an image and a part that can be seen in it. Where the data set is drawn,
it is drawn again without the part; elsewhere the part is filled, which is a stand-in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from distilscope import store
from distilscope.data import composed, regions
from distilscope.data.composed_reader import Recipe, scenes_at
from distilscope.data.dataset import stratified_subset
from distilscope.data.part_maps import PartMaps
from distilscope.data.part_sources import Place
from distilscope.data.probes import Images

Without = Callable[[Place, PartMaps, np.ndarray, int], np.ndarray]
"""(place, maps, rows of its test images, number of the part) -> uint8 (n, 3, H, W)."""


@dataclass(frozen=True, eq=False)
class Removed:
    """Pictures without a part, by image and then by part.

    Attributes:
        pixels: uint8 (K, 3, H, W).
        indices: int64 (K,), dataset index of the image. parts: int64 (K,), 1 for the first part.
    """

    pixels: np.ndarray
    indices: np.ndarray
    parts: np.ndarray

    def save(self, path: Path) -> None:
        """Write one safetensors file."""
        store.write_tensors(
            path, {"images": self.pixels, "indices": self.indices, "parts": self.parts}
        )

    @classmethod
    def load(cls, path: Path) -> Removed:
        """Read what `save` wrote.

        Raises:
            store.DamagedFile: the file is missing or is not as it was written.
        """
        found = store.read_tensors(path)
        return cls(found["images"], found["indices"], found["parts"])


def remove(place: Place, maps: PartMaps, without: Without, images: int, seed: int) -> Removed:
    """The pictures of the stratified subset of the test images that costly methods explain.

    Args:
        maps: of all test images, in their order.
        without: `draw_without` or `filled`.
        images, seed: of the subset; all where there are no more.
    """
    chosen = _subset(place.images, images, seed)
    seen = maps.areas()[chosen, 1:] > 0
    rows, parts = np.nonzero(seen)
    pixels = np.empty((len(rows), *place.images.pixels.shape[1:]), np.uint8)
    for number in np.unique(parts) + 1:
        own = np.flatnonzero(parts + 1 == number)
        pixels[own] = without(place, maps, chosen[rows[own]], int(number))
    return Removed(pixels, place.images.indices[chosen[rows]].astype(np.int64), parts + 1)


def draw_without(place: Place, maps: PartMaps, rows: np.ndarray, number: int) -> np.ndarray:
    """Composed objects drawn again without a part: nothing else changes, so this is exact."""
    scenes = scenes_at(Recipe.read(place.source), place.images.indices[rows])
    pictures, _ = composed.render(scenes.without(maps.names[number - 1]), place.data["image_size"])
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))


def filled(place: Place, maps: PartMaps, rows: np.ndarray, number: int) -> np.ndarray:
    """Images with a part in the mean colour of the rest of the image."""
    return regions.without(place.images.pixels[rows], maps.maps[rows], number)


def _subset(images: Images, count: int, seed: int) -> np.ndarray:
    """Positions of the subset, ascending; the same images as `observing` explains."""
    if count >= len(images.indices):
        return np.arange(len(images.indices))
    labels, indices = (torch.from_numpy(np.asarray(a)) for a in (images.labels, images.indices))
    return stratified_subset(labels, indices, count, seed).numpy()
