"""Choices that are functions of what they are about, never of its position or of what came before.

Which images are held out, which views an image gets and in which order epochs run all come from
hashes of (what is decided, seed, dataset index ...). So any of them can be worked out again alone,
on any machine and with any version of NumPy or torch.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


class Stream(IntEnum):
    """What is decided: the first word of a hash, so that two decisions never share numbers."""

    HELD_OUT = 1
    SUBSET = 2
    VIEW_TABLE = 3
    VIEW_ORDER = 4
    EPOCH_ORDER = 5
    DRAWN_VIEW = 6


def mix(*words: int | np.ndarray) -> np.ndarray:
    """A 64-bit hash of one or more words, element by element.

    Each word is xored into the state and followed by a step of SplitMix64 (Steele, Lea and Flood,
    OOPSLA 2014; `mix(x)` is the first output of the generator seeded with x). Every step is a
    bijection, so that hashes which differ in one word only are distinct: ordering by them has
    no ties.

    Args:
        words: integers or integer arrays that broadcast together; negative ones wrap at 2^64.

    Returns:
        uint64 array of the broadcast shape.
    """
    state = np.uint64(0)
    with np.errstate(over="ignore"):
        for word in words:
            state = _step(state ^ _as_uint64(word))
    return np.asarray(state)


def ranks_in_class(labels: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The rank 0, 1, ... of each image among those of its class by key (distinct): int64 (N,)."""
    order = np.lexsort((keys, labels))
    counts = np.bincount(labels)
    starts = np.cumsum(counts) - counts
    ranks = np.empty(len(labels), dtype=np.int64)
    ranks[order] = np.arange(len(labels)) - starts[labels[order]]
    return ranks


def _as_uint64(word: int | np.ndarray) -> np.ndarray:
    if isinstance(word, np.ndarray):
        return word.astype(np.uint64)
    return np.asarray(int(word) % 2**64, dtype=np.uint64)


def _step(state: np.ndarray) -> np.ndarray:
    state = state + _GAMMA
    state = (state ^ (state >> np.uint64(30))) * _FIRST
    state = (state ^ (state >> np.uint64(27))) * _SECOND
    return state ^ (state >> np.uint64(31))
