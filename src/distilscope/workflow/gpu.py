"""Which GPUs a job has: ids of its own, held by kernel locks until the job ends.

Snakemake counts GPUs and hands out none. Here a job takes a lock on a file per device, which the
kernel frees however the process ends, and sets CUDA_VISIBLE_DEVICES before torch is imported.
Waiting jobs are served in the order in which they came. Inside a job of a cluster the scheduler
has chosen already, and its CUDA_VISIBLE_DEVICES is taken as it is.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
LISTED = "DISTILSCOPE_GPUS"
CLUSTER_JOB = "DISTILSCOPE_CLUSTER_JOB"
"""Set by the Snakefile where a cluster's scheduler started the job."""

DRIVER = Path("/proc/driver/nvidia/gpus")
HIDDEN = ("", "-1", "NoDevFiles")
PAUSE_SECONDS = 0.1

log = logging.getLogger("distilscope")


class NoGpu(RuntimeError):
    """A job that runs on a GPU can't have as many as it asks for."""


def devices(environment: Mapping[str, str] = os.environ, driver: Path = DRIVER) -> tuple[str, ...]:
    """The ids of the GPUs that this process may use, without importing torch.

    CUDA_VISIBLE_DEVICES comes first, then DISTILSCOPE_GPUS (ids with commas; empty is none), then
    what the NVIDIA driver lists.
    """
    for variable in (VISIBLE, LISTED):
        if variable in environment:
            return _ids(environment[variable])
    found = list(driver.iterdir()) if driver.is_dir() else []
    return tuple(str(number) for number in range(len(found)))


def _ids(text: str) -> tuple[str, ...]:
    """The ids before the first that names no device, as CUDA reads the list."""
    found: list[str] = []
    for word in (word.strip() for word in text.split(",")):
        if word in HIDDEN:
            break
        found.append(word)
    return tuple(found)


def lock_folder() -> Path:
    """Where this user's locks on this machine's GPUs lie: the same for studies in all folders."""
    return Path(tempfile.gettempdir()) / f"distilscope-gpu-{os.getuid()}"


@contextlib.contextmanager
def held(count: int, folder: Path | None = None) -> Iterator[tuple[str, ...]]:
    """Hold `count` GPUs and be the only job of this machine that does; yields their ids.

    CUDA_VISIBLE_DEVICES is set to them for as long as they are held.

    Args:
        count: how many; all of them are had before anything runs, so jobs can't wait in a circle.
        folder: of the locks; `lock_folder()` where None.

    Raises:
        NoGpu: fewer than `count` are here, or `count` is 0.
        RuntimeError: torch was imported before, which may have looked for devices already.
    """
    if "torch" in sys.modules:
        raise RuntimeError("GPUs have to be chosen before torch is imported")
    candidates = _candidates(count)
    before = {name: os.environ.get(name) for name in (VISIBLE, "CUDA_DEVICE_ORDER")}
    with contextlib.ExitStack() as locks:
        if os.environ.get(CLUSTER_JOB) and VISIBLE in os.environ:
            chosen = candidates[:count]
        else:
            chosen = _locked(count, candidates, folder or lock_folder(), locks)
            os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # ids mean the same in every process
        os.environ[VISIBLE] = ",".join(chosen)
        log.info("GPU %s is held by this job", os.environ[VISIBLE])
        try:
            yield chosen
        finally:
            _restore(before)


def _candidates(count: int) -> tuple[str, ...]:
    if count < 1:
        raise NoGpu(
            "this job runs on a GPU and was given none: raise the cap (--resources gpu=1) or set "
            "`device: cpu`"
        )
    found = devices()
    if len(found) < count:
        shown = f"{len(found)} ({', '.join(found)})" if found else "none"
        raise NoGpu(f"this job needs {count} GPU{'s' * (count > 1)} and the machine shows {shown}")
    return found


def _restore(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _locked(
    count: int, candidates: tuple[str, ...], folder: Path, locks: contextlib.ExitStack
) -> tuple[str, ...]:
    """The first `count` candidates that become free, locked until `locks` is closed."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    chosen: list[str] = []
    with _turn(folder):
        announced = False
        while True:
            for device in candidates:
                if len(chosen) < count and device not in chosen and _try(device, folder, locks):
                    chosen.append(device)
            if len(chosen) == count:
                return tuple(sorted(chosen, key=candidates.index))
            if not announced:
                log.info("waiting for a GPU: %s are here and in use", ", ".join(candidates))
                announced = True
            time.sleep(PAUSE_SECONDS)


def _try(device: str, folder: Path, locks: contextlib.ExitStack) -> bool:
    """Lock a device if nobody has it."""
    name = re.sub(r"[^A-Za-z0-9-]", "_", device)
    with contextlib.ExitStack() as opened:
        handle = opened.enter_context(open(folder / f"{name}.device", "a"))
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        locks.enter_context(opened.pop_all())
    return True


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Wait until every job that came earlier has its devices or has ended.

    A job that waits holds a lock on a numbered ticket; a lower number whose lock can be had
    belongs to a job that waits no more.
    """
    with contextlib.ExitStack() as waiting:
        with open(folder / "tickets.lock", "a") as tickets:
            fcntl.flock(tickets, fcntl.LOCK_EX)
            earlier = sorted(folder.glob("*.ticket"))
            number = int(earlier[-1].stem) + 1 if earlier else 1
            ticket = folder / f"{number:012d}.ticket"
            fcntl.flock(waiting.enter_context(open(ticket, "x")), fcntl.LOCK_EX)
            waiting.callback(ticket.unlink, missing_ok=True)
        for path in earlier:
            with contextlib.suppress(FileNotFoundError), open(path) as other:
                fcntl.flock(other, fcntl.LOCK_SH)
                path.unlink(missing_ok=True)
        yield
