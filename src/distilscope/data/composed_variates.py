"""The random numbers of composed pictures: hashes of (seed, key of the scene, what it is for)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from distilscope.data import composed_objects
from distilscope.data.hashing import mix

_SCENE, _NOISE = 0x636F6D70, 0x6E6F6973
"""First words of the hashes, unlike those of `hashing.Stream`."""

_OF_PARTS, _PER_PART = 32, 8


class Slot(IntEnum):
    """What a number of a scene is for. Colours take three slots, and waves too."""

    MIRROR = 0
    ANGLE = 1
    SCALE = 2
    RIGHT = 3
    UP = 4
    LIGHT = 5
    CORNER = 6
    GROUND = 8
    GROUND_2 = 11
    WAVES = 14
    WAVES_2 = 18


class OfPart(IntEnum):
    """What a number of one part of a scene is for. A colour takes three slots."""

    SHOWN = 0
    SHIFT_U = 1
    SHIFT_V = 2
    SIZE = 3
    COLOUR = 4


def of_part(place: int, what: OfPart) -> int:
    """The slot of a number of the part at a place of `composed_objects.PARTS`, from 0."""
    return _OF_PARTS + _PER_PART * place + what


def uniform(seed: int, keys: np.ndarray, slots: Sequence[int]) -> np.ndarray:
    """Numbers on [0, 1) of scenes (N,): float64 (N, slots)."""
    hashes = mix(_SCENE, seed, keys[:, None], np.array(slots)[None, :])
    return (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53


def noise(seed: int, keys: np.ndarray, size: int) -> np.ndarray:
    """Numbers on [0, 1] of scenes (N,) by pixel and channel: float32 (N, size, size, 3).

    One hash of 64 bits gives 16 bits to each of three channels.
    """
    pixel = np.arange(size * size, dtype=np.int64)
    bits = mix(_NOISE, seed, keys[:, None], pixel[None, :])
    low = np.uint64(0xFFFF)
    channels = [((bits >> np.uint64(16 * c)) & low).astype(np.float32) for c in range(3)]
    return (np.stack(channels, axis=-1) / 65535).reshape(-1, size, size, 3)


@dataclass(frozen=True, eq=False)
class Variates:
    """The numbers of some scenes, as columns that broadcast with (N, S, S)."""

    seed: int
    keys: np.ndarray
    _table: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Draw all of them once."""
        slots = range(of_part(len(composed_objects.PARTS), OfPart.SHOWN))
        table = uniform(self.seed, self.keys, slots).astype(np.float32)
        object.__setattr__(self, "_table", table)

    def between(self, slot: int, low: float, high: float) -> np.ndarray:
        """Uniform on [low, high]: float32 (N, 1, 1)."""
        return (low + (high - low) * self._table[:, slot])[:, None, None].astype(np.float32)

    def many(self, slots: Sequence[int]) -> np.ndarray:
        """Uniform on [0, 1]: float32 (N, slots)."""
        return self._table[:, list(slots)]

    def take(self, rows: np.ndarray) -> Variates:
        """The numbers of some of the scenes."""
        return Variates(self.seed, self.keys[rows])
