"""Interleaved repeats, and the rows that come of them."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

Candidate = Callable[[], float | None]
"""Does the work once. It returns the seconds by its own clock, or None to be timed from outside."""


def doing(function: Callable[..., Any], *arguments: Any) -> Candidate:
    """A function as a candidate that is timed from outside."""

    def work() -> None:
        function(*arguments)

    return work


def interleaved(
    candidates: Mapping[str, Candidate], repeats: int, warm_ups: int = 1
) -> dict[str, list[float]]:
    """Seconds of each candidate, taken in turns, so that all meet the same state of the machine."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for round_ in range(warm_ups + repeats):
        for name, work in candidates.items():
            started = time.perf_counter()
            own = work()
            taken = time.perf_counter() - started if own is None else own
            if round_ >= warm_ups:
                seconds[name].append(taken)
    return seconds


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        number: of the goal it belongs to.
        what: the work. against: what it is compared with.
        precision: `fp32` or `bf16`, or empty where there is no choice.
        ours, theirs: medians, in `unit`; NaN where there is none.
        ratio: median over repeats, of what the goal is about. low, high: its range over repeats.
        goal: in words. met: whether the median meets it; None where it can't be said.
        note: how it was measured, or why it was not.
    """

    number: int
    what: str
    against: str = ""
    precision: str = ""
    ours: float = math.nan
    theirs: float = math.nan
    unit: str = ""
    ratio: float = math.nan
    low: float = math.nan
    high: float = math.nan
    goal: str = ""
    met: bool | None = None
    note: str = ""

    def record(self) -> dict[str, Any]:
        """The row for a table on disk."""
        return asdict(self)


@dataclass(frozen=True)
class Goal:
    """At least (or, with `at_most`, at most) a number."""

    bound: float
    at_most: bool = False

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}"

    def met(self, value: float) -> bool | None:
        """Whether the value meets it; None where there is no value."""
        if math.isnan(value):
            return None
        return bool(value <= self.bound if self.at_most else value >= self.bound)


def compared(
    number: int,
    what: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    goal: Goal | None = None,
    *,
    unit: str = "ms/image",
    scale: float = 1000.0,
    times_slower: bool = False,
    **more: Any,
) -> Row:
    """A row of two interleaved series of seconds.

    The ratio is theirs / ours, how many times faster we are; with `times_slower` ours / theirs.
    `scale` turns seconds into `unit`.
    """
    pairs = list(zip(ours, theirs, strict=True))
    ratios = [a / b if times_slower else b / a for a, b in pairs]
    ratio = statistics.median(ratios)
    return Row(
        number=number,
        what=what,
        ours=scale * statistics.median(ours),
        theirs=scale * statistics.median(theirs),
        unit=unit,
        ratio=ratio,
        low=min(ratios),
        high=max(ratios),
        goal="" if goal is None else str(goal),
        met=None if goal is None else goal.met(ratio),
        **more,
    )


def single(number: int, what: str, value: float, unit: str, goal: Goal, **more: Any) -> Row:
    """A row of one number that is held against its goal itself."""
    return Row(
        number=number,
        what=what,
        ours=float(value),
        unit=unit,
        goal=f"{goal} {unit}".rstrip(),
        met=goal.met(value),
        **more,
    )


def missing(number: int, what: str, against: str, why: str) -> Row:
    """A row that could not be measured."""
    return Row(number=number, what=what, against=against, note=f"not measured: {why}")
