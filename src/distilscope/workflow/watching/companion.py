"""A thread beside Snakemake that tells how far the study is, and at the end what went wrong.

In a terminal it draws the state of the study below what is said. Snakemake and its jobs write to
the terminal as they like, so that what they write goes through this process then: it stands in
for the terminal. Into a file it writes plain lines.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from distilscope.words import count
from distilscope.workflow import progress, supervision
from distilscope.workflow.calibration import Calibration
from distilscope.workflow.effort import Effort
from distilscope.workflow.script import VIEWED
from distilscope.workflow.starting import Started
from distilscope.workflow.watching import words
from distilscope.workflow.watching.overview import (
    Overview,
    Status,
    Watcher,
    read_statuses,
    why_silent,
)

LOOK_SECONDS = 1.0
PAUSE = 20
"""Times a look's own time between two: a study of thousands of models takes long to look at."""

LINE_SECONDS = 30.0
TERMINAL = 2
COUNTED = ("progress", "job_finished")
"""Snakemake's log events of `3 of 40 steps (8%) done`; the end of a job is said here."""


class Companion:
    """Tells of a study that this process's Snakemake runs.

    Args:
        started: the study.
        cores: how many Snakemake may use; None on a cluster.
        say: writes a line above what is drawn, or into the log.
    """

    def __init__(self, started: Started, cores: int | None, say: Callable[[str], None]) -> None:
        self._say, self._started = say, started
        self.effort = Effort(started.study)
        slots = slots_of(started, cores)
        self._watcher = Watcher(started.study, self.effort, slots, started.measured_here)
        self._models = sum(a.kind == "model" for a in self._watcher.pending)
        self._cores = cores
        at_once = slots if started.measured_here and slots else 1
        self._calibration = Calibration(started.study, self.effort.architectures, at_once)
        self._measuring = bool(self._models)
        self._estimated = not self._models
        self._last = time.monotonic()
        if self._measuring:
            self._calibration.begin()
        else:
            self.effort.speeds = self._calibration.known()

    def look(self) -> Overview:
        """See how it is, and say what is new."""
        if self._measuring and self._calibration.ready:
            self._measuring = False
            self.effort.speeds = self._calibration.speeds()
        overview = self._watcher.look()
        if self._measuring:
            overview = replace(overview, seconds_left=None)
        if not self._estimated and not self._measuring and self.effort.counted:
            self._estimated = True
            self._say(self._estimate(overview))
        for artefact, seconds in overview.finished:
            self._print(words.finished(artefact, seconds, overview))
        return overview

    def report_if_silent(self, overview: Overview) -> None:
        """Say how far the study is, where that was not said for a while."""
        if overview.running and time.monotonic() - self._last >= LINE_SECONDS:
            self._print(words.of_study(overview))

    def _print(self, line: str) -> None:
        self._last = time.monotonic()
        self._say(line)

    def _estimate(self, overview: Overview) -> str:
        """`about 12 min: 11 models, fp32, 2 cores`."""
        where = [count(self._models, "model"), self._started.study.precision]
        if self._started.device == "cuda":
            where.append("GPU")
        elif self._cores:
            where.append(count(self._cores, "core"))
        if overview.seconds_left is None:
            return f"{', '.join(where)}: the time is known when the first of them are made"
        return f"{words.about(overview.seconds_left)}: {', '.join(where)}"

    def close(self) -> None:
        """Measure no more."""
        self._calibration.cancel()


def slots_of(started: Started, cores: int | None) -> int | None:
    """How many trainings run at once, where this machine decides it."""
    if not started.local or not cores:
        return None
    if started.device == "cuda":
        return max(1, started.gpu_cap or 1)
    return max(1, cores // started.configuration.threads)


# ------------------------------------------------------------------------------ in Snakemake


_end: Callable[[], None] | None = None


def begin(started: Started, cores: int | None) -> None:
    """Report until `end` or the end of this process. The study runs on, whatever fails here."""
    try:
        _begin(started, cores)
    except Exception as fault:
        _say_what_failed(fault)


def _say_what_failed(fault: Exception) -> None:
    print(f"how far the study is can't be shown ({fault!r}); it runs on", file=sys.stderr)


def _begin(started: Started, cores: int | None) -> None:
    global _end
    _forget_earlier_runs(time.time())
    _silence_job_counts()
    screen = _screen()
    companion = Companion(started, cores, screen.say)
    stop = threading.Event()

    def watch() -> None:
        try:
            while not stop.is_set():
                began = time.monotonic()
                overview = companion.look()
                screen.draw(overview)
                if not screen.live:
                    companion.report_if_silent(overview)
                stop.wait(max(LOOK_SECONDS, PAUSE * (time.monotonic() - began)))
        except Exception as fault:
            _say_what_failed(fault)

    thread = threading.Thread(target=watch, daemon=True)

    def stop_watching() -> None:
        global _end
        _end = None
        stop.set()
        thread.join()
        companion.close()
        screen.close()

    _end = stop_watching
    atexit.register(end)
    thread.start()


def _forget_earlier_runs(now: float) -> None:
    """Take away what jobs left that did not end well; one that still runs keeps its file."""
    for path, status in read_statuses(progress.FOLDER):
        if status["state"] != "running" or _vanished(status, now) or why_silent(status, now):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _silence_job_counts() -> None:
    """Have Snakemake count no jobs on the terminal: a training is not one of forty like another."""
    from snakemake.logging import logger

    for handler in logger.handlers:
        if handler.name == "DefaultStreamHandler":
            handler.addFilter(lambda record: getattr(record, "event", None) not in COUNTED)


def end(failed: bool = False) -> None:
    """Report no more. Where a job failed its sentence is the last that is said."""
    if _end is not None:
        _end()
    if failed:
        atexit.register(lambda: print("\n".join(closing_lines(time.time())), file=sys.stderr))


def closing_lines(now: float) -> list[str]:
    """What the jobs say that did not end well, and those that could say nothing."""
    found = []
    for _, status in read_statuses(progress.FOLDER):
        if status["state"] != "running":
            found.append(status["sentence"])
        elif of_life := _vanished(status, now):
            found.append(f"{status['job']}: {of_life}, in {status['stage']}")
    if supervision.asked:
        return [*found, f"stopped by {supervision.asked[0].name}: run the same command to go on"]
    return found or ["the study did not end well; what happened is said above"]


def _vanished(status: Status, now: float) -> str:
    said = why_silent({**status, "heartbeat": 0.0}, now)
    return "it ended without a word (killed?)" if said.startswith("ended") else ""


class _Plain:
    """A log file: lines as they come."""

    live = False

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def draw(self, overview: Overview) -> None:
        """Nothing is drawn in a log file."""

    def close(self) -> None:
        """Nothing is open."""


class _Live:
    """A terminal: what is written to it goes above the state of the study."""

    live = True

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        sys.stderr.flush()
        self._terminal = os.dup(TERMINAL)
        os.set_inheritable(self._terminal, False)
        file = io.TextIOWrapper(os.fdopen(os.dup(self._terminal), "wb"), write_through=True)
        self._console = Console(file=file, force_terminal=True)
        self._drawn = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        reading, writing = os.pipe()
        os.dup2(writing, TERMINAL)
        os.close(writing)
        self._reader = threading.Thread(target=self._pass_on, args=(reading,), daemon=True)
        self._drawn.start()
        self._reader.start()
        os.environ[VIEWED] = "1"

    def _pass_on(self, reading: int) -> None:
        from rich.text import Text

        with open(reading, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                self._console.print(Text.from_ansi(line.rstrip("\n")), soft_wrap=True)

    def say(self, line: str) -> None:
        self._console.print(line, style="cyan", highlight=False, markup=False, soft_wrap=True)

    def draw(self, overview: Overview) -> None:
        shown = replace(overview, ended=())  # their sentences stand above already
        self._drawn.update(words.drawn(shown), refresh=True)

    def close(self) -> None:
        """The terminal is Snakemake's again; what was written before is shown before."""
        sys.stderr.flush()
        os.dup2(self._terminal, TERMINAL)
        os.close(self._terminal)
        self._reader.join(timeout=1.0)
        self._drawn.stop()
        os.environ.pop(VIEWED, None)


def _screen() -> _Plain | _Live:
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return _Plain()
    try:
        return _Live()
    except ImportError:
        return _Plain()
