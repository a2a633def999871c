"""What a job's start and its end cost beside its work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

JOB = {
    **dict.fromkeys(("kind", "slug", "identity", "source"), "x"),
    **{name: {} for name in ("settings", "inputs", "information", "parts", "contents")},
    "folder": "made",
}

SCRIPT = """
import gc, json, sys, types
from distilscope.workflow.script import run

snakemake = types.SimpleNamespace(
    resources={}, threads=1, rule="x", log=["logs/x/x.log"],
    params=types.SimpleNamespace(job=sys.argv[1]),
)
run(snakemake, "noting:make")
import noting
print(json.dumps([noting.IMPORTED, noting.MADE, [gc.isenabled(), gc.get_freeze_count() > 0]]))
print(json.dumps(noting.PAGES))
"""

NOTING = """
import gc, os, sys
IMPORTED, MADE = gc.isenabled(), None
PAGES = [os.environ.get("THP_MEM_ALLOC_ENABLE"), "torch" in sys.modules]
def make(job):
    global MADE
    MADE = gc.isenabled()
"""


def printed(folder: Path, **environment: str) -> list:
    """What a job prints that notes how it was imported and made."""
    (folder / "noting.py").write_text(NOTING)
    (folder / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py", json.dumps(JOB)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()[-2:]]


def test_a_job_is_imported_without_the_garbage_collector_and_runs_with_it(tmp_path: Path):
    """What is left at the end is frozen, so that Python's last pass has nothing to go over."""
    assert printed(tmp_path)[0] == [False, True, [True, True]]


@pytest.mark.parametrize(("said", "found"), [({}, "1"), ({"THP_MEM_ALLOC_ENABLE": "0"}, "0")])
def test_large_pages_are_asked_for_before_torch_is_imported(tmp_path: Path, said, found):
    """torch reads it once; whoever runs a study may say otherwise."""
    assert printed(tmp_path, **said)[1] == [found, False]
