"""SIGTERM, SIGINT and SIGHUP: a training answers at its next safe point, another job at once.

SIGHUP comes where a terminal is closed. What ignores that (`nohup`) goes on.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
IGNORABLE = signal.SIGHUP


class Interrupted(SystemExit):
    """The job was asked to stop, and a training's checkpoint is written.

    Attributes:
        by: the signal.
        sentence: what was logged of what is left behind; empty where nothing was.
    """

    def __init__(self, by: signal.Signals, sentence: str = "") -> None:
        """Leave with 128 plus the number of the signal, as a shell says it."""
        super().__init__(128 + by)
        self.by, self.sentence = by, sentence


@dataclass
class Stop:
    """The signal that asked for it, or None."""

    asked_by: signal.Signals | None = None


@contextlib.contextmanager
def watching() -> Iterator[Stop]:
    """Note the signals while the block runs; the old handlers come back.

    Only a process's main thread can do this; elsewhere nothing is noted.
    """
    stop = Stop()

    def note(number: int, frame: object) -> None:
        stop.asked_by = signal.Signals(number)

    with _answered_by(note):
        yield stop


@contextlib.contextmanager
def leaving() -> Iterator[None]:
    """Raise `Interrupted` at a signal while the block runs, so that what is open is closed.

    A second signal finds the process on its way out, and changes nothing.
    """

    def leave(number: int, frame: object) -> None:
        if not isinstance(sys.exc_info()[1], Interrupted):
            raise Interrupted(signal.Signals(number))

    with _answered_by(leave):
        yield


@contextlib.contextmanager
def _answered_by(handler: Callable[[int, object], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old = {number: signal.getsignal(number) for number in ASKING}
    answered = [number for number in ASKING if number != IGNORABLE or old[number] != signal.SIG_IGN]
    try:
        for number in answered:
            signal.signal(number, handler)
        yield
    finally:
        for number in answered:
            signal.signal(number, old[number])
