"""The folder of an audit and that of its report: `results/<study>/` holds one audit's alone."""

from __future__ import annotations

import os
from pathlib import Path

from distilscope import store

OWNER = ".audit"
"""In `results/<study>/`: the folder of the audit whose report lies there, as seen from the working
directory."""


def check(published: Path, folder: Path) -> None:
    """Refuse a report's folder that another audit has.

    Args:
        published: `results/<study>`. folder: of `audit.yaml` and `audit.json`.

    Raises:
        ValueError: it has; the message says what would be accepted.
    """
    owner = _owner(published)
    if owner is None or not owner.is_dir() or owner.resolve() == folder.resolve():
        return
    raise ValueError(
        f"{published} holds the report of the audit in {owner}, and that of {folder} would take "
        "its place: a report lies under the name of its study, which is that of the audit's folder "
        f"unless `study` in audit.yaml says another. Give --output a folder of another name, such "
        f"as {folder.parent / (published.name + '-2')}, or run it in another working directory"
    )


def claim(published: Path, folder: Path) -> None:
    """Note whose report the folder holds from now on.

    Raises:
        ValueError: another's, as `check` has it.
        OSError: there is no room, or no right to write.
    """
    check(published, folder)
    here, below = Path.cwd().resolve(), folder.resolve()
    seen = below.relative_to(here) if below.is_relative_to(here) else below
    if _owner(published) != seen:
        with store.atomic(published / OWNER, digest=False) as temporary:
            temporary.write_bytes(os.fsencode(seen))


def _owner(published: Path) -> Path | None:
    """The folder of the audit whose report lies there; None where nothing says so."""
    try:
        return Path(os.fsdecode((published / OWNER).read_bytes()))
    except FileNotFoundError:
        return None
