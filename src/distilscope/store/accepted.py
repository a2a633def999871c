"""`accepted.json`: why a result is taken as that of code which did not compute it.

After a refactor that changes no result, `make accept WHY="..."` gives results their new identity.
The file beside `run.json` says so, entry by entry, for as long as that `run.json` stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distilscope import store

FILE = store.ACCEPTED_FILE


def read(folder: Path) -> list[dict[str, Any]]:
    """What was accepted of an artefact, oldest first: `why`, `when`, `from`, `changed`.

    Empty where its own job computed it: also where a job ran again after something was accepted.
    """
    if not (folder / FILE).is_file():
        return []
    content = store.read_json(folder / FILE, run=str, accepted=list)
    if content["run"] != store.digest_file(folder / "run.json"):
        return []
    return content["accepted"]


def write(folder: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write the entries beside the `run.json` that they are about."""
    store.write_json(
        folder / FILE,
        {"accepted": [dict(e) for e in entries], "run": store.digest_file(folder / "run.json")},
    )
