"""Photographs with annotated parts, in the folder form of CUB-200-2011 (Wah et al. 2011).

    images/<relative path>       pictures, PNG or JPEG
    images.txt                   <image id> <relative path>
    image_class_labels.txt       <image id> <class id>
    train_test_split.txt         <image id> <1 for train, 0 for test>
    bounding_boxes.txt           <image id> <x> <y> <width> <height>
    parts/parts.txt              <part id> <name>
    parts/part_locs.txt          <image id> <part id> <x> <y> <1 if visible>
    classes.txt                  <class id> <name>; optional

A part is annotated as one point. Here it becomes a disc about it, whose radius is `DISC` times the
geometric mean of the sides of the object's box. The discs are a convention, not what the parts look
like: whatever is measured with them depends on the fraction, and says so.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from distilscope.data.annotation_tables import AnnotationTables
from distilscope.data.fit import FITS, placement
from distilscope.data.image_folder import opened
from distilscope.data.part_maps import (
    FEW_PARTS,
    LEAST_FOR_ORDER,
    NO_PART,
    OVERLAPPING,
    Findings,
    PartedSplits,
    areas,
)
from distilscope.data.raw import DECODED_LIMIT_BYTES, BadData, RawPart

DISC = 0.1
"""Radius of a part's disc over the geometric mean of the sides of the object's box."""

NO_PICTURE = "the picture is missing, the image is left out"
NO_BOX = "the box is missing or empty, so that no disc has a size"
NOT_LISTED = "an annotation is of an image that images.txt doesn't list, and is left out"
OUTSIDE = "a visible part's point lies outside the image"
COVERED = "a visible part has no pixel, other points are nearer"


def read_annotated_parts(path: Path, image_size: int, fit: str = "resize") -> PartedSplits:
    """Read a folder of the form of CUB-200-2011; each picture is fitted by itself.

    Images keep their numbers: an image's dataset index is its place among the train images of
    images.txt, or among the test images plus the number of train images, whether or not others
    are left out. What is wrong with annotations is in `findings`.

    Args:
        path: the folder. image_size: side in pixels. fit: `pad` or `resize` (stretched).

    Raises:
        BadData: a file is missing or has a line that can't be read, an id occurs twice, an image
            has no class or no split, a picture can't be decoded or is too large to be padded, or
            all are over 4 GiB.
    """
    path = Path(path)
    tables = AnnotationTables.read(path)
    total = len(tables.files) * image_size**2 * 4
    if total > DECODED_LIMIT_BYTES:
        raise BadData(
            f"{path}: its pictures take {total / 2**30:.1f} GiB at {image_size} pixels, "
            f"at most {DECODED_LIMIT_BYTES / 2**30:g} GiB are accepted"
        )
    there = np.array([(path / "images" / name).is_file() for name in tables.files], bool)
    kept = np.flatnonzero(there)
    pixels = np.empty((len(kept), image_size, image_size, 3), np.uint8)
    scale, offset = np.empty((2, len(kept), 2))
    for row, place in enumerate(kept):
        file = path / "images" / tables.files[place]
        picture = _decoded(file)
        scale[row], offset[row] = placement(fit, picture.width, picture.height, image_size)
        pixels[row] = FITS[fit](np.asarray(picture)[None], image_size, str(file))[0]
    points = tables.points[kept] * scale[:, None, :] + offset[:, None, :]
    sides = tables.boxes[kept, 2:] * scale
    names = [tables.files[place] for place in kept]
    maps, faults = discs(points, tables.visible[kept], DISC * _mean_side(sides), image_size, names)
    missing = tuple(tables.files[place] for place in np.flatnonzero(~there))
    findings = Findings({NO_PICTURE: missing, NOT_LISTED: tables.unlisted, **faults.faults})
    train, test = (np.flatnonzero(tables.train[kept] == flag) for flag in (True, False))
    index, labels = tables.index[kept], tables.labels[kept]
    return PartedSplits(
        train=RawPart(pixels[train], labels[train], index[train]),
        test=RawPart(pixels[test], labels[test], index[test]),
        classes=tables.classes,
        source=str(path),
        train_parts=maps[train],
        test_parts=maps[test],
        parts=tables.parts,
        findings=findings,
    )


# --------------------------------------------------------------------------------------- discs


def discs(
    points: np.ndarray, visible: np.ndarray, radius: np.ndarray, size: int, images: list[str]
) -> tuple[np.ndarray, Findings]:
    """Part maps of discs about points; where discs overlap a pixel belongs to the nearest point.

    Args:
        points: (N, P, 2) x to the right and y down in pixels; pixel (r, c) has its centre at
            x = c + 0.5, y = r + 0.5. visible: bool (N, P).
        radius: (N,) in pixels; not above 0, or NaN, where it is unknown.
        size: side of the square images. images: N names, for the findings.

    Returns:
        uint8 (N, size, size), clipped to the image, and findings. Of two points that are equally
        near, the first part has the pixel.
    """
    sized = np.nan_to_num(radius) > 0
    outside = visible & ((points < 0) | (points > size)).any(axis=2)
    used = visible & sized[:, None]
    centres = np.arange(size) + 0.5
    maps = np.zeros((len(points), size, size), np.uint8)
    nearest = np.full(maps.shape, np.inf)
    claims = np.zeros(maps.shape, np.uint8)
    for part in range(points.shape[1]):
        rows = np.flatnonzero(used[:, part])
        across = (centres[None, :] - points[rows, part, 0, None]) ** 2
        down = (centres[None, :] - points[rows, part, 1, None]) ** 2
        distance = down[:, :, None] + across[:, None, :]
        inside = distance <= (radius[rows] ** 2)[:, None, None]
        claims[rows] += inside
        first = inside & (distance < nearest[rows])
        maps[rows] = np.where(first, np.uint8(part + 1), maps[rows])
        nearest[rows] = np.where(first, distance, nearest[rows])
    seen = areas(maps, points.shape[1])[:, 1:] > 0
    count = seen.sum(axis=1)
    return maps, Findings(
        {
            NO_BOX: _named(images, ~sized),
            NO_PART: _named(images, count == 0),
            FEW_PARTS: _named(images, (count > 0) & (count < LEAST_FOR_ORDER)),
            OVERLAPPING: _named(images, (claims > 1).any(axis=(1, 2))),
            OUTSIDE: _named_parts(images, outside),
            COVERED: _named_parts(images, used & ~outside & ~seen),
        }
    )


def _named(images: list[str], has: np.ndarray) -> tuple[str, ...]:
    return tuple(images[place] for place in np.flatnonzero(has))


def _named_parts(images: list[str], has: np.ndarray) -> tuple[str, ...]:
    return tuple(f"part {part + 1} of {images[place]}" for place, part in np.argwhere(has))


def _mean_side(sides: np.ndarray) -> np.ndarray:
    """Geometric mean of (N, 2) sides; NaN where one isn't above 0."""
    usable = (np.nan_to_num(sides) > 0).all(axis=1)
    return np.sqrt(np.where(usable, sides.prod(axis=1), np.nan))


# ------------------------------------------------------------------------------------ pictures


def _decoded(file: Path) -> Image.Image:
    """The picture in RGB; any fault names the file."""
    with opened(file) as picture:
        return picture.convert("RGB")
