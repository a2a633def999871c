"""How a job is getting on: a line for people every few seconds, and a small file for who watches.

A loop opens a `stage` and says what is done; a thread of the job's process tells of it. A stage
knows nothing of files or time, so that it costs a loop an addition, and without a job it is silent.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path("results/progress")
STATUS_SECONDS = 2.0
LINE_SECONDS = 10.0
A_LINE = {"progress": True}
"""Marks the log records that a view of the whole study shows in its own way."""

log = logging.getLogger("distilscope")


def no_detail() -> str:
    """Nothing more to say of a stage."""
    return ""


class Stage:
    """A part of a job.

    Attributes:
        label: what people read, such as `epoch 2 of 6`.
        total: how many `unit`s there are; 0 where that is not known.
        work: of one unit, in the measure of the job's `expect`.
        done: how many are done.
        said: further words, asked for by the loop's own thread every few seconds (a loss may
            have to be fetched from a device).
    """

    def __init__(
        self,
        label: str,
        total: int,
        unit: str,
        work: float,
        detail: Callable[[], str],
        began: float,
    ) -> None:
        self.label, self.total, self.unit, self.work = label, total, unit, work
        self.began = began
        self.done: float = 0
        self.before: float = 0
        self.said, self.asked = "", False
        self._detail = detail

    def advance(self, units: float = 1) -> None:
        """So many more are done; of one that takes long it may be a part."""
        self.reach(min(self.done + units, self.total))

    def reach(self, units: float) -> None:
        """So many are done by now."""
        self.done = units
        if self.asked:
            self.asked, self.said = False, self._detail()

    def resume(self, units: int) -> None:
        """So many were done by an earlier run; they say nothing of the speed."""
        self.done = self.before = units


class Job:
    """What is known of a job that runs.

    Args:
        name: for people.
        path: of the file that says how it is; None writes none.
        clock: seconds that never go back.
    """

    def __init__(
        self, name: str, path: Path | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name, self.path, self._clock = name, path, clock
        self._began, self._started = clock(), time.time()
        self._expected: dict[str, float] = {}
        self._done, self._earlier = 0.0, 0.0
        self._last_line = self._began
        self._ended: dict[str, str] = {}
        self._worked_since: float | None = None
        self.stage = Stage("starting", 0, "", 0.0, no_detail, self._began)

    def expect(self, work: Mapping[str, float], earlier: float = 0.0) -> None:
        """The work of the stages to come, by label, in any measure; `earlier` is done already."""
        self._expected, self._earlier = dict(work), earlier

    def begin(
        self, label: str, total: int, unit: str, work: float, detail: Callable[[], str]
    ) -> Stage:
        """Open a stage; the one before is done."""
        self._close()
        now = self._clock()
        if total and self._worked_since is None:
            self._worked_since = now
        if self._expected and total:
            self._expected[label] = total * work
        self.stage = Stage(label, total, unit, work, detail, now)
        return self.stage

    def _close(self) -> None:
        stage = self.stage
        self._earlier += stage.before * stage.work
        self._done += (stage.total - stage.before) * stage.work

    def status(self) -> dict[str, Any]:
        """What the file says; times are seconds since 1970, unknown numbers None."""
        stage, now = self.stage, self._clock()
        stage.asked = True
        elapsed, counted = now - stage.began, stage.done - stage.before
        rate = counted / elapsed if counted and elapsed > 0 else None
        share, left = self._whole(now)
        if share is None and stage.total:
            share = stage.done / stage.total
            left = (stage.total - stage.done) / rate if rate else None
        return {
            "job": self.name,
            "state": "running",
            "stage": stage.label,
            "done": stage.done,
            "total": stage.total,
            "unit": stage.unit,
            "detail": stage.said,
            "rate": rate,
            "share": share,
            "seconds_left": left,
            "elapsed": now - self._began,
            "started": self._started,
            "heartbeat": time.time(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
        }

    def _whole(self, now: float) -> tuple[float | None, float | None]:
        """The share of the expected work that is done, and the seconds that the rest takes."""
        total = sum(self._expected.values())
        if not total:
            return None, None
        stage = self.stage
        here = self._done + (stage.done - stage.before) * stage.work
        done = min(self._earlier + stage.before * stage.work + here, total)
        since = self._worked_since
        if done >= total and not stage.total:  # what is under way, nobody foretold
            return 1.0, None
        left = (total - done) * (now - since) / here if here and since is not None else None
        return done / total, left

    def beat(self) -> None:
        """Write the file, and log a line where the last is `LINE_SECONDS` old."""
        with _telling:
            status = self.status()
            self._write(status)
            now = self._clock()
            if now - self._last_line >= LINE_SECONDS:
                self._last_line = now
                log.info("%s", line(status), extra=A_LINE)

    def end(self, state: str, sentence: str) -> None:
        """It ends without having done its work: `failed` or `stopped`, and why."""
        self._ended = {"state": state, "sentence": sentence}

    def close(self) -> None:
        """Take the file away; or leave it where the job did not do its work, for who asks why."""
        if self._ended:
            self._write({**self.status(), **self._ended})
        elif self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)

    def _write(self, status: Mapping[str, Any]) -> None:
        """A disk that is full or read only is none of this file's business."""
        if self.path is None:
            return
        part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(status), encoding="utf-8")
            os.replace(part, self.path)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


_current = Job("")

_telling = threading.Lock()
"""Held while a job tells how it gets on, so that no thread writes over another's. A fork waits for
it: its child would find the log locked for ever."""

os.register_at_fork(
    before=_telling.acquire,
    after_in_parent=_telling.release,
    after_in_child=_telling.release,
)


@contextlib.contextmanager
def reported(name: str, path: Path | None) -> Iterator[Job]:
    """Tell of this process's job while the block runs."""
    global _current
    before, job, ended = _current, Job(name, path), threading.Event()

    def tell() -> None:
        while True:
            job.beat()
            if ended.wait(STATUS_SECONDS):
                return

    thread = threading.Thread(target=tell, daemon=True)
    _current = job
    thread.start()
    try:
        yield job
    finally:
        _current = before
        ended.set()
        thread.join()
        job.close()


def expect(work: Mapping[str, float], earlier: float = 0.0) -> None:
    """See `Job.expect`."""
    _current.expect(work, earlier)


def stage(
    label: str,
    total: int = 0,
    unit: str = "images",
    work: float = 1.0,
    detail: Callable[[], str] = no_detail,
) -> Stage:
    """Begin a part of this process's job; see `Stage`."""
    return _current.begin(label, total, unit, work, detail)


def counted(total: int, unit: str) -> Stage:
    """The stage that is under way has so many units: what a job's phase did not know."""
    return _current.begin(_current.stage.label, total, unit, 1.0, no_detail)


def advance(units: float) -> None:
    """So many units more of the stage that is under way are done."""
    _current.stage.advance(units)


# ------------------------------------------------------------------------------------ in words


@dataclass(frozen=True)
class Words:
    """A status in words, for a line or a row."""

    stage: str
    share: str
    rate: str
    detail: str
    left: str


def words(status: Mapping[str, Any]) -> Words:
    """The parts of a line; empty where a number is not known, or nothing counted is left to do."""
    total, left, rate = status["total"], status["seconds_left"], status["rate"]
    return Words(
        stage=status["stage"],
        share=f"{100 * status['done'] / total:.0f} %" if total else "",
        rate=f"{rate:,.{0 if rate >= 10 else 1}f} {status['unit']}/s" if rate else "",
        detail=status["detail"],
        left=f"{duration(left)} left" if left and round(left) else "",
    )


def line(status: Mapping[str, Any]) -> str:
    """`resnet18-s101: epoch 2 of 6, 43 %, 37 images/s, loss 0.5123, 3 min 05 s left`."""
    found = words(status)
    so_far = "" if found.left else f"{duration(status['elapsed'])} so far"
    parts = (found.stage, found.share, found.rate, found.detail, found.left, so_far)
    return f"{status['job']}: {', '.join(part for part in parts if part)}"


def epoch_line(
    name: str,
    epoch: int,
    epochs: int,
    loss: float,
    held_out_accuracy: float,
    speed: str,
    seconds_left: float,
) -> str:
    """Name, epoch, loss, held-out accuracy, speed and time left."""
    return (
        f"{name}: epoch {epoch}/{epochs}, loss {loss:.4f}, "
        f"held-out accuracy {percent(held_out_accuracy)}, "
        f"{speed}, {duration(seconds_left)} left"
    )


def percent(fraction: float) -> str:
    """`87.3 %`, or `not known` where there is no number."""
    return "not known" if math.isnan(fraction) else f"{100 * fraction:.1f} %"


def duration(seconds: float) -> str:
    """`42 s`, `3 min 05 s` or `2 h 07 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
