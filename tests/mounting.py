"""A file system of its own under a study's results, where mounting is permitted."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(results: Path, options: str) -> Iterator[None]:
    """A tmpfs with these options at `results`; skips the test where it can't be mounted."""
    results.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(results)]
    try:
        made = subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        made = False
    if not made:
        pytest.skip("mounting a file system is not permitted here")
    yield
    subprocess.run(["umount", "-l", str(results)], check=True)
