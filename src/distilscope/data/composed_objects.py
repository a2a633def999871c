"""What composed objects are made of: the parts, their shapes and colours, and the classes.

An object is drawn in its own coordinates, u from its rear (-1) to its front (1) and v from below
(-1) to above (1). A class is a pair of deciding parts; every deciding part belongs to two or three
classes, so that neither part of a pair decides alone. Everything else occurs in all classes alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

CLASSES: Mapping[str, tuple[str, str]] = {
    "car": ("wheel", "roof"),
    "locomotive": ("wheel", "funnel"),
    "sand yacht": ("wheel", "sail"),
    "aeroplane": ("wing", "tail"),
    "bird": ("wing", "leg"),
    "dog": ("leg", "tail"),
    "sailing boat": ("hull", "sail"),
    "steamship": ("hull", "funnel"),
    "seaplane": ("hull", "wing"),
    "house": ("roof", "funnel"),
}
"""Class -> the two parts that decide it."""

ALWAYS = "body"
DISTRACTORS = ("window", "flag", "eye")
MARK = "mark"
"""A square in a corner of the picture, no part of the object: only a planted shortcut has it."""

Shape = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Part:
    """A part of an object.

    Attributes:
        shape: (u, v) -> bool of their shape, which points belong to it.
        centre: (u, v) about which a drawn part is scaled.
        colour: red, green, blue on [0, 1], varied a little by image; None is any colour at all.
    """

    shape: Shape
    centre: tuple[float, float]
    colour: tuple[float, float, float] | None


def _disc(u: np.ndarray, v: np.ndarray, radius: float) -> np.ndarray:
    return u * u + v * v <= radius * radius


def _box(u: np.ndarray, v: np.ndarray, half_width: float, half_height: float) -> np.ndarray:
    return (np.abs(u) <= half_width) & (np.abs(v) <= half_height)


def _between(v: np.ndarray, low: float | np.ndarray, high: float | np.ndarray) -> np.ndarray:
    return (v >= low) & (v <= high)


def _body(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A rounded box: |u/a|^4 + |v/b|^4 <= 1."""
    across, up = (u / 0.64) ** 2, ((v + 0.04) / 0.27) ** 2
    return across * across + up * up <= 1


def _wheel(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return _disc(np.abs(u) - 0.37, v + 0.4, 0.21)


def _leg(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return _box(np.abs(u) - 0.36, v + 0.48, 0.08, 0.3)


def _hull(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A trapezoid under the body, wide above and narrow below."""
    return _between(v, -0.62, -0.24) & (np.abs(u) <= 0.95 + 1.1 * (v + 0.24))


def _wing(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A parallelogram that rises backwards from the middle of the body."""
    return _between(v, -0.08, 0.78) & (np.abs(u + 0.02 + 0.45 * v) <= 0.2 - 0.09 * v)


def _tail(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A wedge behind the body that widens upwards."""
    back = -0.45 - u
    return _between(back, 0.0, 0.52) & _between(v, -0.12 + 0.25 * back, 0.04 + 1.05 * back)


def _sail(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A right-angled triangle on a mast."""
    return _between(u, -0.12, 0.56) & _between(v, 0.2, 0.98 - 1.15 * (u + 0.12))


def _funnel(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return _box(u - 0.3, v - 0.5, 0.13, 0.38)


def _roof(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A trapezoid on the body, narrow above."""
    return _between(v, 0.18, 0.56) & (np.abs(u) <= 0.62 - 0.85 * (v - 0.18))


def _window(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return _box(np.abs(u + 0.08) - 0.3, v - 0.02, 0.085, 0.085)


def _flag(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A pole with a pennant that blows backwards."""
    pennant = _between(u, -0.9, -0.5) & (np.abs(v - 0.74) <= 0.13 * (u + 0.9) / 0.4)
    return pennant | (_between(v, 0.1, 0.88) & (np.abs(u + 0.5) <= 0.04))


def _eye(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return _disc(u - 0.47, v - 0.04, 0.09)


def _nowhere(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.zeros(u.shape, bool)


PARTS: Mapping[str, Part] = {
    "tail": Part(_tail, (-0.7, 0.2), (0.85, 0.45, 0.10)),
    "leg": Part(_leg, (0.0, -0.48), (0.90, 0.75, 0.25)),
    "hull": Part(_hull, (0.0, -0.43), (0.45, 0.20, 0.12)),
    "funnel": Part(_funnel, (0.3, 0.5), (0.75, 0.12, 0.12)),
    "roof": Part(_roof, (0.0, 0.37), (0.55, 0.15, 0.45)),
    "sail": Part(_sail, (0.1, 0.5), (0.95, 0.95, 0.88)),
    "body": Part(_body, (0.0, -0.04), None),
    "wheel": Part(_wheel, (0.0, -0.4), (0.10, 0.10, 0.12)),
    "window": Part(_window, (-0.08, 0.02), (0.45, 0.85, 0.98)),
    "eye": Part(_eye, (0.47, 0.04), (0.98, 0.98, 0.30)),
    "flag": Part(_flag, (-0.68, 0.5), (0.15, 0.70, 0.20)),
    "wing": Part(_wing, (-0.15, 0.35), (0.60, 0.72, 0.80)),
    MARK: Part(_nowhere, (0.0, 0.0), (0.95, 0.10, 0.85)),
}
"""Parts in the order in which they are painted: what comes later hides what came before."""

NAMES = tuple(PARTS)


def number_of(part: str) -> int:
    """The number of a part in a part map, from 1.

    Raises:
        ValueError: there is no such part; the message lists those that there are.
    """
    if part not in PARTS:
        raise ValueError(f"there is no part {part!r}; parts are {', '.join(NAMES)}")
    return NAMES.index(part) + 1


def deciding(classes: Mapping[str, tuple[str, ...]] = CLASSES) -> np.ndarray:
    """bool (classes, parts): which parts decide each class, both in the order of their tables."""
    return np.array([[part in own for part in NAMES] for own in classes.values()])
