"""Maps of two models that are made up: unrelated ones, with planted content, of drawn objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from distilscope.analyses.alignment import maps

SIDE, CLASSES, IMAGES = 8, 4, 400

Draw = np.random.Generator
Maker = Callable[[Draw, np.ndarray], tuple[np.ndarray, np.ndarray]]


# -------------------------------------------------------------------------------- unrelated models


def noise(draw: Draw, n: int) -> np.ndarray:
    """(n, SIDE**2) standard normal."""
    return draw.standard_normal((n, SIDE * SIDE))


def bump(row: np.ndarray, column: np.ndarray, width: float, side: int = SIDE) -> np.ndarray:
    """(n, side**2) Gaussian bumps of height 1 at (row, column), both (n,)."""
    grid = np.arange(side)
    rows = np.exp(-0.5 * ((grid - row[:, None]) / width) ** 2)
    columns = np.exp(-0.5 * ((grid - column[:, None]) / width) ** 2)
    return (rows[:, :, None] * columns[:, None, :]).reshape(len(row), -1)


def usual_place(classes: np.ndarray, which: int = 0) -> np.ndarray:
    """(N, P) where objects of a class usually sit: the same for both models."""
    turn = 2 * np.pi * (classes + which * 1.7) / CLASSES
    middle = (SIDE - 1) / 2
    return bump(middle + 2.2 * np.sin(turn), middle + 2.2 * np.cos(turn), 1.5)


def same_place(draw: Draw, classes: np.ndarray) -> np.ndarray:
    """A class's place and noise."""
    return 3 * usual_place(classes) + noise(draw, len(classes))


def second_place(draw: Draw, classes: np.ndarray, often: float = 0.2) -> np.ndarray:
    """On a fifth of the images, each model's own, the map goes to a second shared place."""
    there = draw.random(len(classes)) < often
    place = np.where(there[:, None], usual_place(classes, 1), usual_place(classes))
    return 3 * place + 0.5 * noise(draw, len(classes))


def skewed(draw: Draw, classes: np.ndarray) -> np.ndarray:
    """A second shared pattern whose strength is skewed over the images."""
    strength = draw.standard_exponential((len(classes), 1)) ** 2
    return 2 * usual_place(classes) + strength * usual_place(classes, 1) + noise(draw, len(classes))


def near_constant(draw: Draw, classes: np.ndarray) -> np.ndarray:
    """Zero everywhere but for one pixel, in four of five images the same one of the class."""
    usual = 7 * classes + 3
    place = np.where(draw.random(len(classes)) < 0.8, usual, draw.integers(0, SIDE**2, len(usual)))
    found = np.zeros((len(classes), SIDE**2))
    found[np.arange(len(classes)), place] = 1
    return found


def dead(draw: Draw, classes: np.ndarray) -> np.ndarray:
    """A third of the maps is zero everywhere, the others are of `second_place`."""
    return second_place(draw, classes) * (draw.random((len(classes), 1)) > 1 / 3)


def tied(draw: Draw, classes: np.ndarray) -> np.ndarray:
    """After a ReLU that leaves a fifth of the pixels."""
    return np.maximum(second_place(draw, classes) - 0.9, 0)


def coarse(draw: Draw, classes: np.ndarray) -> np.ndarray:
    """Of a 4x4 grid, upsampled: sixteen numbers a map."""
    own = second_place(draw, classes).reshape(-1, SIDE, SIDE)
    return maps.upsample(maps.pool(own, (4, 4)), SIDE).reshape(len(classes), -1)


UNRELATED: Mapping[str, tuple[Callable[[Draw, np.ndarray], np.ndarray], int]] = {
    "same place": (same_place, IMAGES),
    "second shared place": (second_place, IMAGES),
    "skewed strength": (skewed, IMAGES),
    "near-constant maps": (near_constant, IMAGES),
    "dead maps": (dead, IMAGES),
    "ties": (tied, IMAGES),
    "coarse maps": (coarse, IMAGES),
    "12 images a class": (second_place, 12 * CLASSES),
    "4 images a class": (second_place, 4 * CLASSES),
    "skewed class sizes": (second_place, IMAGES),
}


def class_sizes(scenario: str, n: int) -> np.ndarray:
    """(n,) classes: equal ones, or 70, 20, 7 and 3 %."""
    if scenario != "skewed class sizes":
        return np.arange(n) % CLASSES
    return np.repeat(np.arange(CLASSES), (n * np.array([0.7, 0.2, 0.07, 0.03])).astype(int))


# ------------------------------------------------------------------------------ planted content


def planted(share: float, *, second: bool = False) -> Maker:
    """Two models whose maps share so much of their noise; `second`: they go elsewhere at times."""

    def both(draw: Draw, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        common = noise(draw, len(classes))
        return tuple(
            _places(draw, classes, second)
            + np.sqrt(share) * common
            + np.sqrt(1 - share) * noise(draw, len(classes))
            for _ in range(2)
        )

    return both


def _places(draw: Draw, classes: np.ndarray, second: bool) -> np.ndarray:
    there = second & (draw.random((len(classes), 1)) < 0.2)
    return np.where(there, 3 * usual_place(classes, 1), 3 * usual_place(classes))


# ---------------------------------------------------------------------------------- drawn objects

CANVAS, GRID, BOX = 28, 7, 14
PARTS = ((0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75))


def drawn(draw: Draw, n: int, jitter: int, grows: bool) -> tuple[np.ndarray, np.ndarray]:
    """(n, 28, 28) bool masks of rectangles that jitter, and (n, 4) top, left, height, width."""
    size = draw.integers(9, 16, (n, 2)) if grows else np.full((n, 2), 12)
    corner = np.round((CANVAS - size) / 2).astype(int) + draw.integers(-jitter, jitter + 1, (n, 2))
    corner = np.clip(corner, 0, CANVAS - size)
    grid = np.arange(CANVAS)
    rows, columns = (
        (grid >= corner[:, [axis]]) & (grid < corner[:, [axis]] + size[:, [axis]])
        for axis in (0, 1)
    )
    return rows[:, :, None] & columns[:, None, :], np.column_stack([corner, size])


def looks(draw: Draw, box: np.ndarray, part: np.ndarray, coarse_maps: bool) -> np.ndarray:
    """(n, 28, 28) evidence around a part, (n, 2) in units of the object, with noise of its own."""
    centre = box[:, :2] + part * box[:, 2:] - 0.5
    seen = bump(centre[:, 0], centre[:, 1], 3.0, CANVAS)
    seen = seen.reshape(-1, CANVAS, CANVAS)
    if coarse_maps:
        small = maps.pool(seen, (GRID, GRID))
        return maps.upsample(small + 0.15 * draw.standard_normal(small.shape), CANVAS)
    rough = maps.upsample(draw.standard_normal((len(box), GRID, GRID)), CANVAS)
    return seen + 0.15 * rough


def chosen_parts(draw: Draw, n: int, what: str) -> tuple[np.ndarray, np.ndarray]:
    """The part that each model looks at in each image: two (n, 2)."""
    places = np.array(PARTS)
    if what == "disjoint halves":
        return np.tile([0.5, 0.25], (n, 1)), np.tile([0.5, 0.75], (n, 1))
    first, second = (places[draw.integers(0, 4, n)] for _ in range(2))
    return first, second if what == "parts of their own" else first
