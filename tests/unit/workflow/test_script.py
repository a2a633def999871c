"""What a job's start and its end cost beside its work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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
"""

NOTING = """
import gc
IMPORTED, MADE = gc.isenabled(), None
def make(job):
    global MADE
    MADE = gc.isenabled()
"""


def test_a_job_is_imported_without_the_garbage_collector_and_runs_with_it(tmp_path: Path):
    """What is left at the end is frozen, so that Python's last pass has nothing to go over."""
    (tmp_path / "noting.py").write_text(NOTING)
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py", json.dumps(JOB)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [False, True, [True, True]]
