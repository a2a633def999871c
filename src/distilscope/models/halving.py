"""Batches that do not fit in memory are halved until they do."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TypeVar

import torch

TOO_MUCH = ("not enough memory", "out of memory", "can't allocate", "cannot allocate")
"""What torch says of a tensor that there is no memory for, in its several ways."""

T = TypeVar("T")


class Halving:
    """Runs parts of batches that fit in memory; how large these are is remembered.

    Attributes:
        most: examples that fit together, as far as known; None where none had to be halved.
    """

    def __init__(self, called: str) -> None:
        self.called = called
        self.most: int | None = None

    def run(self, count: int, take: Callable[[slice], T]) -> list[T]:
        """What `take` gives for parts of a batch of `count` examples, in order.

        `take` must leave nothing behind where it fails.

        Raises:
            MemoryError: one example alone does not fit.
        """
        found: list[T] = []
        start, step = 0, min(self.most or count, count)
        while start < count:
            part = self._try(take, slice(start, start + step))
            if part:
                found += part
                start += step
                continue
            if step == 1:
                raise MemoryError(f"one image alone does not fit in memory in the {self.called}")
            step = self.most = step // 2
            gc.collect()
            if torch.cuda.is_initialized():
                torch.cuda.empty_cache()
        return found

    def notes(self, unit: str) -> list[str]:
        """What the report says of it, where a batch was halved; `unit`: examples, in the plural."""
        if self.most is None:
            return []
        return [f"a batch did not fit in memory: the {self.called} took {self.most} {unit} at once"]

    @staticmethod
    def _try(take: Callable[[slice], T], rows: slice) -> tuple[T] | tuple[()]:
        """Nothing where it does not fit: what it held is freed when this returns."""
        try:
            return (take(rows),)
        except (RuntimeError, MemoryError) as error:
            if not of_memory(error):
                raise
            return ()


def of_memory(error: BaseException) -> bool:
    """Whether an error says that there is not enough memory."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return any(words in str(error).lower() for words in TOO_MUCH)
