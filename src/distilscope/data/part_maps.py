"""Which pixels belong to which part: one small number a pixel, beside the images.

A part map is uint8 (H, W): 0 is no part, p is the p-th name. Parts are what can be seen of them, so
they don't overlap and one map holds them all in as much memory as one colour channel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from distilscope import store
from distilscope.data.fit import FITS
from distilscope.data.raw import BadData, RawSplits

MAPS_FILE = "maps.safetensors"
REMOVED_FILE = "removed.safetensors"
FINDINGS_FILE = "findings.json"

MOST_PARTS = 255
NAMED = 5
"""How many images a sentence of findings names."""

NO_PART = "no part is visible"
FEW_PARTS = "fewer than 3 parts are visible"
OVERLAPPING = "parts overlap"
LEAST_FOR_ORDER = 3


@dataclass(frozen=True)
class Findings:
    """What is wrong with annotations without making them useless: fault -> what has it."""

    faults: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def sentences(self) -> list[str]:
        """A sentence a fault: how many, and the first few by name."""
        return [
            f"{fault}: {len(names)} ({', '.join(names[:NAMED])}"
            + (", ...)" if len(names) > NAMED else ")")
            for fault, names in self.faults.items()
            if names
        ]

    def counts(self) -> dict[str, int]:
        """Fault -> how many have it."""
        return {fault: len(names) for fault, names in self.faults.items()}


@dataclass(frozen=True, eq=False)
class PartMaps:
    """The part maps of some images.

    Attributes:
        index: int64 (N,), the dataset index of each image, each once.
        maps: uint8 (N, H, W).
        names: of the parts 1, 2, ...
        kind: `parts` where somebody or a generator says what they are, `regions` where they are
            cut without knowing what is there. Prose must keep the two apart.
        deciding: bool (classes, parts), which parts decide a class, where that is known.

    Raises:
        BadData: shapes, types, indices or numbers that don't fit together.
    """

    index: np.ndarray
    maps: np.ndarray
    names: tuple[str, ...]
    kind: str = "parts"
    deciding: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Refuse what measures can't use."""
        if self.kind not in ("parts", "regions"):
            raise BadData(f"part maps are of kind {self.kind!r}, expected 'parts' or 'regions'")
        check_part_maps(self.maps, len(self.index), self.names, self.kind)
        if len(np.unique(self.index)) != len(self.index):
            raise BadData("part maps: an index names two images, each image needs its own")

    def __len__(self) -> int:
        """Number of images."""
        return len(self.index)

    def at(self, index: np.ndarray) -> np.ndarray:
        """The maps uint8 (M, H, W) of images by dataset index, in that order.

        Raises:
            BadData: an image has no map.
        """
        order = np.argsort(self.index)
        place = np.searchsorted(self.index, index, sorter=order)
        rows = order[np.minimum(place, len(order) - 1)] if len(order) else place[:0]
        missing = np.asarray(index)[self.index[rows] != index] if len(order) else np.asarray(index)
        if len(missing):
            raise BadData(
                f"there is no part map of image {missing[0]} ({len(missing)} of {len(index)} "
                "images lack one); maps and images must be of one dataset"
            )
        return self.maps[rows]

    def areas(self) -> np.ndarray:
        """int64 (N, parts + 1): pixels of no part, and of each part."""
        return areas(self.maps, len(self.names))

    def findings(self) -> Findings:
        """The images that have no part to be seen, or too few for an order."""
        seen = (self.areas()[:, 1:] > 0).sum(axis=1)
        some = {
            NO_PART: seen == 0,
            FEW_PARTS: (seen > 0) & (seen < LEAST_FOR_ORDER),
        }
        return Findings(
            {fault: tuple(f"image {i}" for i in self.index[has]) for fault, has in some.items()}
        )

    def save(self, path: Path) -> None:
        """Write one safetensors file."""
        arrays = {"index": self.index.astype(np.int64), "maps": self.maps}
        if self.deciding is not None:
            arrays["deciding"] = self.deciding
        store.write_tensors(path, arrays, {"names": list(self.names), "kind": self.kind})

    @classmethod
    def load(cls, path: Path) -> PartMaps:
        """Read what `save` wrote, with rising indices.

        Raises:
            store.DamagedFile: the file is missing or is not as it was written.
        """
        arrays = store.read_tensors(path)
        if np.any(np.diff(arrays["index"]) <= 0):
            raise store.DamagedFile(path, "its images are not in the order of their indices")
        about = store.read_tensors_metadata(path)
        return cls(
            arrays["index"],
            arrays["maps"],
            tuple(about["names"]),
            about["kind"],
            arrays.get("deciding"),
        )


@dataclass(frozen=True, eq=False)
class PartedSplits(RawSplits):
    """A source of images whose parts are known: `RawSplits` with two maps and the names.

    Attributes:
        train_parts, test_parts: uint8 (N, H, W), in the order of the images.
        parts: names of the parts 1, 2, ...
        deciding: bool (classes, parts), which parts decide a class, where that is known.
        findings: what is wrong with the annotations.
    """

    train_parts: np.ndarray
    test_parts: np.ndarray
    parts: tuple[str, ...]
    deciding: np.ndarray | None = None
    findings: Findings = Findings()

    def __post_init__(self) -> None:
        """Refuse what later steps can't use."""
        super().__post_init__()
        for name, part, maps in (
            ("train", self.train, self.train_parts),
            ("test", self.test, self.test_parts),
        ):
            where = f"{self.source}: {name}"
            check_part_maps(maps, len(part.images), self.parts, where)
            if maps.shape[1:] != part.images.shape[1:3]:
                raise BadData(
                    f"{where}: part maps of {maps.shape[1]}x{maps.shape[2]} pixels for images of "
                    f"{part.images.shape[1]}x{part.images.shape[2]}, they must be alike"
                )

    def _reordered(self, order: Sequence[int]) -> PartedSplits:
        deciding = None if self.deciding is None else self.deciding[list(order)]
        return replace(super()._reordered(order), deciding=deciding)

    def part_maps(self, size: int, fit: str) -> PartMaps:
        """The maps of all images, brought to the size of the prepared data set as images are.

        Args:
            size: side in pixels. fit: `pad` or `resize`, as the data set was prepared. Resizing
                takes the nearest pixel, so a part that is smaller than a pixel may be lost.
        """
        maps = [
            fitted(each, size, fit, self.source) for each in (self.train_parts, self.test_parts)
        ]
        index = np.concatenate([self.train.indices, self.test.indices]).astype(np.int64)
        return PartMaps(index, np.concatenate(maps), self.parts, "parts", self.deciding)


def check_part_maps(maps: np.ndarray, count: int, names: Sequence[str], where: str) -> None:
    """Refuse maps that are no uint8 (count, H, W) of numbers up to the number of names.

    Raises:
        BadData: naming the fault.
    """
    if not 1 <= len(names) <= MOST_PARTS:
        raise BadData(f"{where}: {len(names)} part names, expected 1 to {MOST_PARTS}")
    if maps.dtype != np.uint8 or maps.ndim != 3 or len(maps) != count:
        raise BadData(
            f"{where}: part maps are {maps.dtype} {maps.shape}, expected uint8 ({count}, H, W)"
        )
    if maps.size and maps.max() > len(names):
        raise BadData(
            f"{where}: a part map holds the number {maps.max()}, there are {len(names)} parts"
        )


def areas(maps: np.ndarray, parts: int) -> np.ndarray:
    """int64 (N, parts + 1): pixels of no part, and of each part, of maps (N, H, W)."""
    count = len(maps)
    offset = np.arange(count, dtype=np.int64)[:, None] * (parts + 1)
    places = maps.reshape(count, -1) + offset
    return np.bincount(places.ravel(), minlength=count * (parts + 1)).reshape(count, parts + 1)


def fitted(maps: np.ndarray, size: int, fit: str, source: str) -> np.ndarray:
    """Part maps (N, H, W) at the size of the prepared images: padded by no part, or resized to
    the nearest pixel.

    Raises:
        BadData: maps are larger than the square that they should be padded to.
    """
    if fit == "pad" or maps.shape[1:] == (size, size):
        return FITS["pad"](maps, size, source)
    squares = np.empty((len(maps), size, size), np.uint8)
    for position, each in enumerate(maps):
        picture = Image.fromarray(each).resize((size, size), Image.Resampling.NEAREST)
        squares[position] = np.asarray(picture)
    return squares


def from_masks(masks: np.ndarray, images: Sequence[str]) -> tuple[np.ndarray, Findings]:
    """One map an image from a mask a part, and what is wrong with the masks.

    A pixel that several parts claim belongs to the smallest of them in that image, as if it lay on
    top; of two alike, to the one that comes first. Faults are counted, never mended in silence.

    Args:
        masks: bool (N, P, H, W). images: N names, for the findings.

    Returns:
        uint8 (N, H, W), and findings: images whose parts overlap, and parts that have no pixel
        left although their mask has some.

    Raises:
        BadData: the masks are not bool (N, P, H, W) with P up to 255.
    """
    if masks.dtype != bool or masks.ndim != 4 or not 1 <= masks.shape[1] <= MOST_PARTS:
        raise BadData(
            f"masks are {masks.dtype} {masks.shape}, expected bool (N, P, H, W), P up to 255"
        )
    sizes = masks.sum(axis=(2, 3))
    first = np.argsort(sizes, axis=1, kind="stable")
    ranked = np.take_along_axis(masks, first[:, :, None, None], axis=1)
    rank = ranked.argmax(axis=1)
    numbers = np.take_along_axis(first, rank.reshape(len(masks), -1), axis=1) + 1
    maps = np.where(masks.any(axis=1), numbers.reshape(rank.shape), 0).astype(np.uint8)
    overlapping = (masks.sum(axis=1) > 1).any(axis=(1, 2))
    lost = (areas(maps, masks.shape[1])[:, 1:] == 0) & (sizes > 0)
    return maps, Findings(
        {
            OVERLAPPING: tuple(images[i] for i in np.flatnonzero(overlapping)),
            "a part is hidden by others": tuple(
                f"part {p + 1} of {images[i]}" for i, p in np.argwhere(lost)
            ),
        }
    )
