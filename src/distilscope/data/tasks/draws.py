"""Random choices for one question, as functions of (seed, task, number) alone."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from distilscope.data.hashing import mix

TASK = 7
"""The first word of a task's hashes: what they decide is none of `hashing.Stream`."""
WORDS = 64
"""Random words of one question: more than any generator takes."""
BLOCK = 1024
"""Questions whose words are hashed together."""

Some = TypeVar("Some")


class Draws:
    """Random words for one question.

    Attributes:
        number: of the question within its task, from 0.
    """

    def __init__(self, words: Sequence[int], number: int) -> None:
        """Take 64-bit words from the front."""
        self._words = iter(words)
        self.number = number

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + next(self._words) % (high - low + 1)

    def one(self, population: Sequence[Some]) -> Some:
        """A member."""
        return population[self.between(0, len(population) - 1)]

    def several(self, population: Sequence[Some], count: int) -> list[Some]:
        """So many different members in random order (Fisher and Yates)."""
        left = list(population)
        for place in range(count):
            chosen = self.between(place, len(left) - 1)
            left[place], left[chosen] = left[chosen], left[place]
        return left[:count]


def draws(seed: int, task: str) -> Iterator[Draws]:
    """The random words of question 0, 1, ... of a task, without end."""
    name = zlib.crc32(task.encode())
    columns = np.arange(WORDS)
    start = 0
    while True:
        rows = np.arange(start, start + BLOCK)[:, None]
        for number, words in enumerate(mix(TASK, seed, name, rows, columns), start):
            yield Draws(words.tolist(), number)
        start += BLOCK
