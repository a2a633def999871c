"""Python's garbage collector, held back where all that is made stays."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Make what stays until the process ends, such as modules or a plan, without the collector.

    Passes over it, one after the other and a last one at the end, are a third of a job's start-up
    and a fifth of a plan. What is there at the end is not looked at again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
