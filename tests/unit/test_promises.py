"""docs/reliability.md: each promise names a test that is there.

Whether names in prose exist is asked in `test_documents.py`, of every page.
"""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
PAGE = TESTS.parent / "docs/reliability.md"


def promises() -> list[tuple[int, str]]:
    """The rows of its tables: line, and what stands under `shown by`."""
    found, shown = [], False
    for number, line in enumerate(PAGE.read_text().splitlines(), 1):
        cells = re.split(r"(?<!\\)\|", line)
        head = len(cells) > 2 and cells[-2].strip() == "shown by"
        shown = line.startswith("|") and (shown or head)
        if shown and not head and not re.fullmatch(r"[|-]+", line):
            found.append((number, cells[-2].strip()))
    return found


def named(shown: str) -> list[Path]:
    """The files and folders that a row names: of `tests/`, or a benchmark."""
    found = re.findall(r"`(\w+/[\w/]*(?:\.py)?)`", shown)
    return [(TESTS.parent if path.startswith("benchmarks/") else TESTS) / path for path in found]


def test_every_promise_names_tests_that_are_there():
    """`the same` is what the row above names."""
    assert len(promises()) > 90
    bare = [(n, shown) for n, shown in promises() if not named(shown) and "the same" not in shown]
    lost = [(n, path) for n, shown in promises() for path in named(shown) if not path.exists()]
    assert (bare, lost) == ([], [])
