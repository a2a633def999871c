"""Pictures of composed objects whose parts, and what they are worth to the class, are known.

A generator for questions that real photographs can't answer: each pixel's part is known exactly, a
picture can be drawn again without a part and with everything else as it was, and the parts that
decide the class are given (`composed_objects.CLASSES`). The precedent is FunnyBirds (Hesse, Schaub-
Meyer and Roth, ICCV 2023, arXiv 2308.06248). The objects are synthetic and so is what they show.

Every number of a scene is a hash of (seed, key of the scene, what it is for), so that a picture
depends on nothing but its key: not on how many are drawn, nor on which of its parts are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from distilscope.data import composed_objects
from distilscope.data.composed_objects import ALWAYS, CLASSES, DISTRACTORS, MARK, NAMES, PARTS
from distilscope.data.composed_variates import OfPart, Slot, Variates, noise, of_part, uniform
from distilscope.data.raw import BadData
from distilscope.workflow import progress

SMALLEST, LARGEST = 32, 128
TEST_KEYS = 2**40
"""The key of test image i is i more than this, so that it doesn't depend on the training images."""

_CHUNK = 256
_PIXEL_NOISE = 0.10


@dataclass(frozen=True)
class Shortcut:
    """A part that is tied to one class: a wrong reason for the right answer.

    Attributes:
        label: name of the class.
        part: `mark` (a square in a corner) or one of the distractors.
        train, test: share of the class's training or test images that show it.
        elsewhere: share of all other images that show it.

    Raises:
        BadData: there is no such class or part, or a share is outside [0, 1].
    """

    label: str
    part: str = MARK
    train: float = 1.0
    test: float = 0.0
    elsewhere: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what can't be drawn."""
        _one_of("shortcut.label", self.label, tuple(CLASSES))
        _one_of("shortcut.part", self.part, (MARK, *DISTRACTORS))
        for name in ("train", "test", "elsewhere"):
            check_share(f"shortcut.{name}", getattr(self, name))


@dataclass(frozen=True, eq=False)
class Scenes:
    """What is to be drawn: one scene an image.

    Attributes:
        keys: int64 (N,), which name the scenes. labels: int64 (N,).
        shown: bool (N, parts), which parts are there; hidden ones may still have no pixel.
        seed: of all variates.
    """

    keys: np.ndarray
    labels: np.ndarray
    shown: np.ndarray
    seed: int = 0

    def __len__(self) -> int:
        """Number of scenes."""
        return len(self.keys)

    def take(self, rows: np.ndarray | slice) -> Scenes:
        """Some of the scenes."""
        return Scenes(self.keys[rows], self.labels[rows], self.shown[rows], self.seed)

    def without(self, part: str) -> Scenes:
        """The same scenes, and nothing else changed, without a part.

        Raises:
            ValueError: there is no such part.
        """
        return self._with(part, False)

    def with_part(self, part: str) -> Scenes:
        """The same scenes, and nothing else changed, all of them with a part."""
        return self._with(part, True)

    def _with(self, part: str, there: bool) -> Scenes:
        shown = self.shown.copy()
        shown[:, composed_objects.number_of(part) - 1] = there
        return replace(self, shown=shown)


def scenes(
    count: int,
    *,
    seed: int = 0,
    split: str = "train",
    distractors: float = 0.75,
    shortcut: Shortcut | None = None,
    classes: Mapping[str, tuple[str, ...]] = CLASSES,
) -> Scenes:
    """Scenes of a split, its classes in turn.

    Args:
        count: number of images.
        seed: another seed is another world of pictures.
        split: `train` or `test`.
        distractors: probability of each distractor, in every class; one that decides a class is
            none.
        shortcut: a part that is tied to a class of `composed_objects.CLASSES`.
        classes: class -> the parts that decide it.

    Raises:
        BadData: a number out of range.
    """
    _one_of("split", split, ("train", "test"))
    check_share("distractors", distractors)
    keys = np.arange(count, dtype=np.int64) + (TEST_KEYS if split == "test" else 0)
    labels = np.arange(count, dtype=np.int64) % len(classes)
    deciding = composed_objects.deciding(classes)
    likely = deciding[labels].astype(np.float64)
    likely[:, NAMES.index(ALWAYS)] = 1.0
    for part in (p for p in DISTRACTORS if not deciding[:, NAMES.index(p)].any()):
        likely[:, NAMES.index(part)] = distractors
    if shortcut:
        tied = labels == tuple(classes).index(shortcut.label)
        likely[:, NAMES.index(shortcut.part)] = np.where(
            tied, getattr(shortcut, split), shortcut.elsewhere
        )
    slots = [of_part(p, OfPart.SHOWN) for p in range(len(NAMES))]
    return Scenes(keys, labels, uniform(seed, keys, slots) < likely, seed)


# ------------------------------------------------------------------------------------- drawing


def render(scenes: Scenes, size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Draw scenes.

    Args:
        scenes: what to draw.
        size: side of the square pictures in pixels, 32 to 128.

    Returns:
        uint8 (N, size, size, 3) pictures, and uint8 (N, size, size) part maps: 0 is background, p
        the p-th of `composed_objects.NAMES`. Edges are hard, so that each pixel has one part.

    Raises:
        BadData: the size is out of range.
    """
    if not SMALLEST <= size <= LARGEST:
        raise BadData(f"image_size is {size}; composed objects are {SMALLEST} to {LARGEST} pixels")
    pictures = np.empty((len(scenes), size, size, 3), np.uint8)
    maps = np.empty((len(scenes), size, size), np.uint8)
    stage = progress.stage("drawing", len(scenes), "pictures")
    for start in range(0, len(scenes), _CHUNK):
        rows = slice(start, start + _CHUNK)
        maps[rows], pictures[rows] = _draw(scenes.take(rows), size)
        stage.advance(_CHUNK)
    return pictures, maps


def _draw(scenes: Scenes, size: int) -> tuple[np.ndarray, np.ndarray]:
    variates = Variates(scenes.seed, scenes.keys)
    x, y = _grid(size)
    u, v = _object_coordinates(variates, x, y)
    maps = _part_map(scenes, variates, u, v, x, y)
    colours = _background(variates, x, y)
    paint = np.take_along_axis(
        _palette(variates), np.maximum(maps.reshape(len(maps), -1), 1)[:, :, None] - 1, axis=1
    ).reshape(colours.shape)
    paint = paint * (1.0 + 0.15 * np.clip(v, -1, 1))[..., None]  # lit from above
    colours = np.where(maps[..., None] > 0, paint, colours)
    light = variates.between(Slot.LIGHT, 0.8, 1.15)[..., None]
    grain = _PIXEL_NOISE * (noise(scenes.seed, scenes.keys, size) - 0.5)
    pixels = np.clip(colours * light + grain, 0.0, 1.0)
    return maps, np.rint(pixels * 255).astype(np.uint8)


def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixel centres on [-1, 1]: x to the right, y up; float32 (1, 1, size) and (1, size, 1)."""
    centres = ((np.arange(size) + 0.5) * 2 / size - 1).astype(np.float32)
    return centres[None, None, :], -centres[None, :, None]


def _object_coordinates(
    variates: Variates, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(u, v) of each pixel under the image's shift, small turn, scale and mirroring: (N, S, S)."""
    angle = variates.between(Slot.ANGLE, -0.2, 0.2)
    scale = variates.between(Slot.SCALE, 0.74, 0.94)
    mirror = np.where(variates.between(Slot.MIRROR, 0, 1) < 0.5, -1, 1).astype(np.float32)
    right = x - variates.between(Slot.RIGHT, -0.14, 0.14)
    up = y - variates.between(Slot.UP, -0.2, 0.06)
    cosine, sine = np.cos(angle), np.sin(angle)
    u = (cosine * right + sine * up) * mirror / scale
    return u, (cosine * up - sine * right) / scale


def _part_map(
    scenes: Scenes, variates: Variates, u: np.ndarray, v: np.ndarray, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Paint the numbers of the parts one over the other: uint8 (N, S, S)."""
    maps = np.zeros(u.shape, np.uint8)
    for place, name in enumerate(PARTS):
        rows = np.flatnonzero(scenes.shown[:, place])
        if len(rows):
            own = variates.take(rows)
            on_object = name != MARK
            covered = _covered(place, own, u[rows], v[rows]) if on_object else _mark(own, x, y)
            maps[rows] = np.where(covered, np.uint8(place + 1), maps[rows])
    return maps


def _covered(place: int, variates: Variates, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Which points (u, v) a part of the object covers, a little moved and scaled: (N, S, S)."""
    part = tuple(PARTS.values())[place]
    size = variates.between(of_part(place, OfPart.SIZE), 0.88, 1.12)
    shift_u = variates.between(of_part(place, OfPart.SHIFT_U), -0.03, 0.03)
    shift_v = variates.between(of_part(place, OfPart.SHIFT_V), -0.03, 0.03)
    centre_u, centre_v = part.centre
    return part.shape(
        (u - centre_u - shift_u) / size + np.float32(centre_u),
        (v - centre_v - shift_v) / size + np.float32(centre_v),
    )


def _mark(variates: Variates, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A square with a side of 5/32 of the picture near one of its corners: bool (N, S, S)."""
    corner = np.floor(variates.between(Slot.CORNER, 0, 4))
    right, top = np.where(corner % 2 == 0, -1, 1), np.where(corner < 2, -1, 1)
    return (np.abs(x - 0.78 * right) < 0.157) & (np.abs(y - 0.78 * top) < 0.157)


def _palette(variates: Variates) -> np.ndarray:
    """Colours of the parts: float32 (N, parts, 3). The body's says nothing: any is as likely."""
    slots = [of_part(p, OfPart.COLOUR) + c for p in range(len(PARTS)) for c in range(3)]
    free = variates.many(slots).reshape(-1, len(PARTS), 3)
    base = np.array([p.colour or (0.5, 0.5, 0.5) for p in PARTS.values()], np.float32)
    spread = np.array([0.2 if p.colour else 0.9 for p in PARTS.values()], np.float32)
    return np.clip(base + spread[:, None] * (free - 0.5), 0.0, 1.0)


def _background(variates: Variates, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Two colours that blend in waves: float32 (N, S, S, 3)."""
    first, second = (
        0.25 + 0.55 * variates.many(range(slot, slot + 3))[:, None, None, :]
        for slot in (Slot.GROUND, Slot.GROUND_2)
    )
    waves = [
        np.sin(
            variates.between(slot, 1.5, 9.0) * x
            + variates.between(slot + 1, -9.0, 9.0) * y
            + variates.between(slot + 2, 0.0, 6.3)
        )
        for slot in (Slot.WAVES, Slot.WAVES_2)
    ]
    share = (0.5 + 0.25 * (waves[0] + waves[1]))[..., None]
    return first + (second - first) * share


# -------------------------------------------------------------------------------------- checks


def _one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise BadData(f"{what} is {value!r}, expected one of {', '.join(known)}")


def check_share(what: str, value: float) -> None:
    """Refuse what is no number in [0, 1].

    Raises:
        BadData: naming what it is.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BadData(f"{what} is {value!r}, expected a number in [0, 1]")
