"""Peak memory of one process. `getrusage` won't do: a child begins with its parent's peak."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Ran:
    """A command that ended well: its seconds of wall clock and its peak bytes, NaN unless Linux."""

    seconds: float
    peak: float


def run(command: Sequence[str], folder: Path) -> Ran:
    """Run a command in a folder; what it says goes to `said.txt` there.

    Raises:
        RuntimeError: it failed; the message is the end of what it said.
    """
    started, peak = time.perf_counter(), float("nan")
    with (folder / "said.txt").open("w") as said:
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=subprocess.STDOUT)
        while process.poll() is None:
            peak = peak_of(process.pid) or peak
            time.sleep(POLL_SECONDS)
    if process.returncode:
        raise RuntimeError((folder / "said.txt").read_text()[-2000:])
    return Ran(time.perf_counter() - started, peak)


def python(*arguments: str) -> list[str]:
    """A command of this interpreter."""
    return [sys.executable, *arguments]


def peak_of(process: int | str) -> float | None:
    """The most bytes that a process has had resident, as Linux knows it."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return None
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return 1024.0 * int(found[1]) if found else None
