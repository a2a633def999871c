"""Where the part maps of a data set's test images come from, one builder a source.

A builder takes the source's `Place` and the settings that `analyses.parts.sources` lists for it,
and returns the maps of the test images with what is wrong with them.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distilscope.data import regions
from distilscope.data.part_maps import Findings, PartedSplits, PartMaps
from distilscope.data.probes import Images
from distilscope.data.raw import BadData


@dataclass(frozen=True, eq=False)
class Place:
    """The data set that parts are wanted of.

    Attributes:
        images: its prepared test images, by rising dataset index.
        data: its settings: `reader`, `image_size`, `fit` and `classes`.
        source: the file or folder that it was read from.
    """

    images: Images
    data: Mapping[str, Any]
    source: Path


def annotated(place: Place) -> tuple[PartMaps, Findings]:
    """The parts that the data set's own reader knows.

    Raises:
        BadData: the reader knows none, or not those of every test image.
    """
    reader, size, fit = (place.data[key] for key in ("reader", "image_size", "fit"))
    raw = pkgutil.resolve_name(reader)(place.source, size, fit)
    if not isinstance(raw, PartedSplits):
        raise BadData(f"{place.source}: its reader, {reader}, knows no parts")
    every = raw.ordered(place.data.get("classes")).part_maps(size, fit)
    index = place.images.indices
    maps = PartMaps(index, every.at(index), every.names, every.kind, every.deciding)
    return maps, Findings({**maps.findings().faults, **raw.findings.faults})


def grid(place: Place, rows: int, columns: int) -> tuple[PartMaps, Findings]:
    """The cells of a grid over the image."""
    height, width = place.images.pixels.shape[2:]
    return _regions(regions.grid(place.images.indices, height, width, rows, columns))


def foreground(place: Place, threshold: int) -> tuple[PartMaps, Findings]:
    """One region: what is above a black ground."""
    return _regions(regions.foreground(place.images.indices, place.images.pixels, threshold))


def foreground_grid(
    place: Place, rows: int, columns: int, threshold: int
) -> tuple[PartMaps, Findings]:
    """The cells of a grid over the box of the foreground."""
    images = place.images
    return _regions(
        regions.foreground_grid(images.indices, images.pixels, rows, columns, threshold)
    )


def superpixels(place: Place, segments: int, compactness: int) -> tuple[PartMaps, Findings]:
    """SLIC superpixels."""
    images = place.images
    return _regions(regions.superpixels(images.indices, images.pixels, segments, compactness))


def _regions(maps: PartMaps) -> tuple[PartMaps, Findings]:
    return maps, maps.findings()
