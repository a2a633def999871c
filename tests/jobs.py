"""Which processes of this machine do a job of the workflow."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

import psutil


def of_rule(
    rule: str, processes: Iterable[psutil.Process], folder: Path = Path("/")
) -> list[psutil.Process]:
    """Those that run a rule's script, which Snakemake writes somewhere below `folder`.

    A job starts programs: importing torch alone asks `ldconfig` and `uname`. Between its fork and
    its exec such a program has the job's own words and environment, and only its parent tells.
    """
    found: dict[psutil.Process, int] = {}
    for process in processes:
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()[1:]
            if any(w.startswith(str(folder)) and w.endswith(f".{rule}.py") for w in words):
                found[process] = process.ppid()
    jobs = {process.pid for process in found}
    return [process for process, parent in found.items() if parent not in jobs]
