"""A job ends with the Snakemake that started it, and hears of the signals that Snakemake gets.

A Snakemake that is killed outright (`kill -9`, out of memory) leaves its jobs running. They would
go on writing while the next run makes the same files, so they get a signal to stop: a training then
leaves its checkpoint. One that is asked to end (SIGTERM, SIGINT) waits for its jobs, which know
nothing of it unless the signal came from a terminal: it is passed on to them.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Iterator

import psutil

SCRIPTS = os.path.join(".snakemake", "scripts", "")
"""Where Snakemake puts the script that a job's process runs."""

LOOK_AGAIN_SECONDS = 0.25

SHELLS = frozenset({"bash", "dash", "ksh", "sh", "zsh"})


@contextlib.contextmanager
def ended_with_parent() -> Iterator[None]:
    """Send this process SIGTERM if what started it ends before the block does.

    Where the system has no descriptors of processes (it is not Linux), nothing is watched.
    """
    parent = _descriptor()
    if parent is None:
        yield
        return
    done, finished = os.pipe()
    watcher = threading.Thread(target=_watch, args=(parent, done), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        os.close(finished)
        watcher.join()
        os.close(done)
        os.close(parent)


def _watch(parent: int, done: int) -> None:
    """Wait until the parent ends, or the other end of the pipe `done` is closed."""
    poll = select.poll()
    for descriptor in (parent, done):
        poll.register(descriptor, select.POLLIN)
    if parent in dict(poll.poll()):
        os.kill(os.getpid(), signal.SIGTERM)


def _descriptor() -> int | None:
    """Of the nearest process above this one that is no shell."""
    try:
        above = (one for one in psutil.Process().parents() if one.name() not in SHELLS)
        return os.pidfd_open(next(above).pid)
    except (psutil.Error, StopIteration, OSError, AttributeError):
        return None


asked: list[signal.Signals] = []
"""The signal that this Snakemake was asked to end by, once there is one."""


def pass_on_signals() -> None:
    """From now on, pass SIGINT and SIGTERM on to the jobs that this process, a Snakemake, started.

    Snakemake's own answer stays what it is, but that SIGTERM is answered as Ctrl-C is: Snakemake
    would wait for the jobs that it has on a cluster, and now takes them out of the queue.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_pass_on, args=(reading,), daemon=True).start()


def _pass_on(signals: int) -> None:
    """Wait for a signal's number on the descriptor, then send it to every job until this one ends.

    A job may be between its shell and its first line of Python, so that all are looked for again
    and again; each gets the signal once.
    """
    while (number := os.read(signals, 1)[0]) not in (signal.SIGINT, signal.SIGTERM):
        pass
    asked.append(signal.Signals(number))
    if number == signal.SIGTERM:
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    signalled: set[psutil.Process] = set()
    while True:
        for job in jobs_of(psutil.Process()) - signalled:
            with contextlib.suppress(psutil.Error):
                job.send_signal(number)
            signalled.add(job)
        time.sleep(LOOK_AGAIN_SECONDS)


def jobs_of(snakemake: psutil.Process) -> set[psutil.Process]:
    """The processes below a Snakemake that run a job's script: its shells and tools are not."""
    found = set()
    for process in snakemake.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            script = any(SCRIPTS in word for word in process.cmdline())
            if script and process.name() not in SHELLS:
                found.add(process)
    return found
