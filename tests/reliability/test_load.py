"""A large study to its end: no process, file handle or memory is left behind on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from . import studies

STUDENTS = 198
MODELS = STUDENTS + 2
LARGE = studies.small(
    study="large",
    data__limit={"train": 8, "test": 4},
    recipes__teacher__epochs=1,
    recipes__student__epochs=1,
    grid__0__T=[1 + i / 2 for i in range(STUDENTS // 2)],
    grid__0__alpha=[0.5, 0.9],
    floors=["tiny"],
    observe__methods=["gradcam"],
    observe__gram_batch=20,
)

LOOK_EVERY_SECONDS = 1.0
GIVE_UP_SECONDS = 3000


@pytest.mark.long(4, minutes=30)
@pytest.mark.timeout(GIVE_UP_SECONDS + 300)
def test_two_hundred_models_leave_no_process_handle_or_memory_behind(tmp_path):
    assert len(studies.plan(LARGE).models) == MODELS == 200
    folder = studies.begin(tmp_path, LARGE)
    snakemake = studies.start(folder, cores=2)
    try:
        handles, megabytes = watched(snakemake)
    finally:
        if snakemake.poll() is None:
            os.killpg(snakemake.pid, signal.SIGKILL)
            snakemake.wait()
    assert snakemake.returncode == 0, (folder / "snakemake.log").read_text()
    quarter = len(handles) // 4
    assert np.median(handles[-quarter:]) <= np.median(handles[quarter : 2 * quarter]) + 5
    assert np.median(megabytes[-quarter:]) <= 1.25 * np.median(megabytes[quarter : 2 * quarter])
    assert processes_of(folder) == []
    for kind in ("models", "observations", "comparisons"):
        peaks = peak_memory(folder / "results/store" / kind)
        assert len(peaks) >= STUDENTS
        tenth = len(peaks) // 10
        assert np.median(peaks[-tenth:]) <= 1.1 * np.median(peaks[:tenth])
        assert max(peaks) <= 1.5 * np.median(peaks)


def watched(snakemake: subprocess.Popen) -> np.ndarray:
    """Its open descriptors and its megabytes, once a second until it ends."""
    seen, began = [], time.monotonic()
    while snakemake.poll() is None:
        assert time.monotonic() - began < GIVE_UP_SECONDS, "it does not end"
        seen.append(look_at(snakemake.pid))
        time.sleep(LOOK_EVERY_SECONDS)
    return np.array([look for look in seen if look]).T


def look_at(process: int) -> tuple[int, float] | None:
    """Open descriptors and resident megabytes of a process; None when it is gone."""
    place = Path("/proc") / str(process)
    try:
        pages = int((place / "statm").read_text().split()[1])
        return len(list((place / "fd").iterdir())), pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return None


def processes_of(folder: Path) -> list[str]:
    """The command lines of processes that work in a folder."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                if Path(os.readlink(place / "cwd")).is_relative_to(folder):
                    found.append((place / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
    return found


def peak_memory(folder: Path) -> list[float]:
    """Peak megabytes of the jobs that made a kind of artefact, in the order of their ends."""
    runs = [json.loads(path.read_text()) for path in folder.glob("*/run.json")]
    return [run["peak_memory_mb"] for run in sorted(runs, key=lambda run: run["finished"])]
