"""How much a disk can still take."""

from __future__ import annotations

import shutil
from pathlib import Path

LEFT_FREE = 0.02
"""Of a disk's free space: what a large file never takes."""


def room(folder: Path) -> tuple[int, int]:
    """Bytes that are free on a folder's disk, and what a file may take of them; it is made."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    return free, int(free * (1 - LEFT_FREE))
