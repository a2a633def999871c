"""The same function on many items by several processes: for jobs that come alone, at the end.

The processes are forks, so that what is there already is shared and not copied, and their number
changes no result: what an item gives depends on the item alone.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

from distilscope.workflow import progress

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(
    function: Callable[[Item], Result], items: Sequence[Item], processes: int
) -> list[Result]:
    """`[function(item) for item in items]`, dealt out to so many processes, this one among them.

    The share of a process that failed, or was killed, is done again by this one: an error is
    raised here as it is.

    Args:
        function: its results come back as pickles; what else it changes in memory is lost.
        items: one after the other to each process, so that each has as many long ones.
        processes: 1 or more. No more than items are started.
    """
    processes = max(1, min(processes, len(items)))
    shares = [items[start::processes] for start in range(processes)]
    sys.stdout.flush()
    sys.stderr.flush()
    progress.counted(len(items), "items")
    others = [_Other(function, share) for share in shares[1:]]
    try:
        found = [[]]
        for item in shares[0]:
            found[0].append(function(item))
            progress.advance(processes)  # the others are about as far
    finally:
        answers = [other.answer() for other in others]
    for share, answer in zip(shares[1:], answers, strict=True):
        found.append([function(item) for item in share] if answer is None else answer)
    return [found[place % processes][place // processes] for place in range(len(items))]


class _Other:
    """A process that works on a share. It ends where nobody is left to read its answer."""

    def __init__(self, function: Callable[[Item], Result], share: Sequence[Item]) -> None:
        self._pipe, writing = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            os.close(self._pipe)
            _work(function, share, writing)
        os.close(writing)

    def answer(self) -> list | None:
        """Its results when it has ended, or None where it ended without."""
        with os.fdopen(self._pipe, "rb") as pipe:
            sent = pipe.read()
        _, status = os.waitpid(self._process, 0)
        return None if status else pickle.loads(sent)


def _work(function: Callable[[Item], Result], share: Sequence[Item], pipe: int) -> NoReturn:
    """In the forked process, of whose original nothing may run after this."""
    code = 1
    try:
        answer = pickle.dumps([function(item) for item in share])
        with os.fdopen(pipe, "wb") as writing:
            writing.write(answer)
        code = 0
    finally:
        os._exit(code)
