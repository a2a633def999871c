"""Running jobs of Snakemake, watched from outside and killed at chosen moments."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from distilscope import store
from tests import jobs

from . import studies

POLL_SECONDS = 0.001
GIVE_UP_SECONDS = 300


class NothingToKill(AssertionError):
    """Snakemake ended before the moment came."""


@dataclass(frozen=True)
class Snapshot:
    """What can be seen of trainings from outside.

    Attributes:
        checkpoints: the names of the files in their checkpoint folders.
        logged: bytes in their logs.
    """

    checkpoints: frozenset[str]
    logged: int

    @classmethod
    def of(cls, folder: Path, model: str) -> Snapshot:
        kept = (folder / "results/checkpoints").glob(f"{model}/*")
        logs = (folder / "results/logs/model").glob(f"{model}.log")
        return cls(frozenset(path.name for path in kept), sum(map(_size, logs)))

    @property
    def writing(self) -> bool:
        """Whether a checkpoint is being written."""
        return any(name.endswith(".part") for name in self.checkpoints)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@dataclass(frozen=True)
class Moment:
    """The change of that number (from 1) among those `wanted` that are seen of a model.

    Attributes:
        model: `<slug>.<identity>`, or `*` for any.
    """

    number: int = 1
    wanted: Callable[[Snapshot], bool] = lambda seen: True
    model: str = "*"


def changes(folder: Path, model: str, snakemake: subprocess.Popen) -> Iterator[Snapshot]:
    """Each change of what is seen, while Snakemake runs."""
    before, began = Snapshot.of(folder, model), time.monotonic()
    while snakemake.poll() is None:
        now = Snapshot.of(folder, model)
        if now != before:
            before = now
            yield now
        assert time.monotonic() - began < GIVE_UP_SECONDS, "nothing more happens"
        time.sleep(POLL_SECONDS)


def job_of(snakemake: subprocess.Popen, rule: str) -> int | None:
    """The process that does a job of a rule, or None."""
    with contextlib.suppress(psutil.NoSuchProcess):  # Snakemake itself may have ended
        below = psutil.Process(snakemake.pid).children(recursive=True)
        for job in jobs.of_rule(rule, below):
            return job.pid
    return None


def reach(folder: Path, snakemake: subprocess.Popen, moment: Moment) -> int:
    """Wait for a moment: the process of the training.

    Raises:
        NothingToKill: Snakemake ended before.
    """
    number = moment.number
    for seen in changes(folder, moment.model, snakemake):
        number -= moment.wanted(seen)
        if number <= 0 and (process := job_of(snakemake, "model")):
            return process
    raise NothingToKill((folder / "snakemake.log").read_text())


def kill_training(folder: Path, moment: Moment, by: signal.Signals = signal.SIGKILL) -> float:
    """Start Snakemake, send its training a signal at a moment, and wait for the end of both.

    Returns:
        the seconds from the signal to the training's end.
    """
    return _kill(folder, moment, lambda snakemake, training: os.kill(training, by))


def kill_snakemake(folder: Path, moment: Moment) -> float:
    """Start Snakemake, kill it and nothing else at a moment, and wait for the end of both.

    Returns:
        the seconds from the kill to the training's end.
    """
    return _kill(folder, moment, lambda snakemake, training: os.kill(snakemake, signal.SIGKILL))


def press_control_c(folder: Path, moment: Moment) -> float:
    """Start Snakemake and do what a terminal does at Ctrl-C: SIGINT to all of its processes.

    Returns:
        the seconds from the signal to the training's end.
    """
    return _kill(folder, moment, lambda snakemake, training: os.killpg(snakemake, signal.SIGINT))


def ask_snakemake(folder: Path, moment: Moment, by: signal.Signals, cores: int = 1) -> float:
    """Start Snakemake, send it and no other process a signal at a moment, and wait for its end.

    Returns:
        the seconds from the signal to the end of Snakemake and of every process below it.
    """
    snakemake = studies.start(folder, cores=cores)
    try:
        reach(folder, snakemake, moment)
        below = psutil.Process(snakemake.pid).children(recursive=True)
        started = time.monotonic()
        snakemake.send_signal(by)
        assert snakemake.wait(timeout=GIVE_UP_SECONDS) != 0, (
            "a study that was stopped is no success"
        )
        _, alive = psutil.wait_procs(below, timeout=GIVE_UP_SECONDS)
        assert not alive, "a process goes on"
        return time.monotonic() - started
    finally:
        if snakemake.poll() is None:
            os.killpg(snakemake.pid, signal.SIGKILL)
            snakemake.wait()


def _kill(folder: Path, moment: Moment, send: Callable[[int, int], None]) -> float:
    snakemake = studies.start(folder)
    try:
        training = reach(folder, snakemake, moment)
        watched = os.pidfd_open(training)
        started = time.monotonic()
        send(snakemake.pid, training)
        wait_for_end(watched)
        seconds = time.monotonic() - started
        assert snakemake.wait(timeout=GIVE_UP_SECONDS) != 0, "a killed job is no success"
    finally:
        if snakemake.poll() is None:
            os.killpg(snakemake.pid, signal.SIGKILL)
            snakemake.wait()
    return seconds


def kill_job(folder: Path, rule: str) -> None:
    """Start Snakemake and kill the first job of a rule as its first file appears in its folder."""
    snakemake = studies.start(folder)
    place = folder / studies.STORE / studies.FOLDERS[rule]
    while not any(path.suffix == ".part" for path in place.rglob("*")):
        assert snakemake.poll() is None, "it ended before the moment came"
    process = job_of(snakemake, rule)
    assert process, "the job ended before it could be killed"
    os.kill(process, signal.SIGKILL)
    assert snakemake.wait(timeout=GIVE_UP_SECONDS) != 0


def wait_for_end(watched: int) -> None:
    """Wait until the process behind a descriptor has ended, and close the descriptor."""
    poll = select.poll()
    poll.register(watched, select.POLLIN)
    assert poll.poll(1000 * GIVE_UP_SECONDS), "the process goes on"
    os.close(watched)


def newest_checkpoint(folder: Path, model: str) -> str | None:
    """Where a run of the model must go on, by the newest whole checkpoint that lies there."""
    whole = []
    for path in (folder / "results/checkpoints" / model).glob("*.safetensors"):
        with contextlib.suppress(store.DamagedFile):
            store.verify(path)
            whole.append(tuple(map(int, path.stem.split("-"))))
    if not whole:
        return None
    epochs, batches = max(whole)
    return f"epoch {epochs + 1}, batch {batches}"
