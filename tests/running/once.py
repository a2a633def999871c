"""What is costly to make is made once in a run of the suite, whichever process needs it first."""

from __future__ import annotations

import fcntl
import os
import shutil
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder of this process that has what `make` made in a folder, here or in another process.

    A copy each, so that a test may damage what it has while others read.

    Args:
        factory: pytest's `tmp_path_factory`.
        name: of what is made; the same everywhere.
        make: is given an empty folder, and is called by one process alone.
    """
    own = factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    made, failed = shared / f"{name}-made", shared / f"{name}-failed"
    with open(shared / f"{name}-lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # given back by a process that dies
        if failed.exists():
            pytest.fail(f"{name} could not be made, by another process:\n{failed.read_text()}")
        if not made.exists():
            being_made = factory.mktemp(f"{name}-being-made")
            try:
                make(being_made)
            except BaseException:
                failed.write_text(traceback.format_exc())
                raise
            being_made.rename(made)
    return Path(shutil.copytree(made, factory.mktemp(name), symlinks=True, dirs_exist_ok=True))
