"""A test process that dies, a test that hangs, a budget that is spent: the run says which and ends.

Each run is of a small project with this suite's own settings.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ..conftest import seconds

TESTS = Path(__file__).resolve().parents[1]
LIMIT_SECONDS = 240

PASSES = "\n".join(f"def test_{number}(): pass" for number in range(5))
DIES = f"import os\n{PASSES}\ndef test_dies(): os.abort()\ndef test_after(): pass\n"
HANGS = f"""
import time, pytest
{PASSES}
@pytest.mark.timeout(1)
def test_waits_for_ever(): time.sleep({LIMIT_SECONDS})
def test_after(): pass
"""
HANGS_IN_C = f"""
import collections, itertools, pytest
{PASSES}
@pytest.mark.timeout(1)
def test_lets_no_signal_through(): collections.deque(itertools.repeat(0), maxlen=0)
def test_after(): pass
"""
RANKED = """
import pytest
from tests.conftest import BEGAN
@pytest.mark.long
def test_last(): pass
@pytest.mark.long(2)
@pytest.mark.parametrize("n", range(3))
def test_second(n): pass
@pytest.mark.long(1)
def test_first(pytestconfig): pytestconfig.stash[BEGAN] -= 3600  # an hour goes by
@pytest.mark.long(0, minutes=31)
def test_takes_longer(): pass
def test_short(): pass
"""


def project(folder: Path, **files: str) -> Path:
    """A project with these test files and the settings of this one."""
    shutil.copy(TESTS.parent / "pyproject.toml", folder)
    (folder / "tests/running").mkdir(parents=True)
    for name in ("__init__.py", "conftest.py", "running/__init__.py", "running/handing_out.py"):
        shutil.copy(TESTS / name, folder / "tests" / name)
    for name, text in files.items():
        (folder / f"tests/test_{name}.py").write_text(text)
    return folder


def run(folder: Path, *options: str) -> tuple[int, str]:
    """The project's tests to their end: exit status and what was said."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--dist", "loadfile"]
    done = subprocess.run(
        [*command, *options],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    return done.returncode, done.stdout


def test_after_a_death_and_two_hangs_all_other_tests_run_and_the_three_are_named(tmp_path):
    folder = project(tmp_path, a=PASSES, b=DIES, c=HANGS, d=HANGS_IN_C, e=PASSES, f=PASSES)
    settings = folder / "tests/conftest.py"
    settings.write_text(re.sub(r"(?m)^GRACE = .*", "GRACE = 1.0", settings.read_text()))
    status, said = run(folder, "-n", "2")
    assert status == 1, said
    assert "3 failed, 33 passed" in said
    for name in ("b.py::test_dies", "d.py::test_lets_no_signal_through"):
        assert f"crashed while running 'tests/test_{name}'" in said
    assert "FAILED tests/test_c.py::test_waits_for_ever - Failed: Timeout (>1.0s)" in said
    assert "in test_lets_no_signal_through" in said  # the stack of the process that was ended


def test_long_tests_run_by_rank_until_their_time_is_spent_and_the_rest_is_counted(tmp_path):
    folder = project(tmp_path, a=RANKED)
    status, said = run(folder, "-v", "-n", "1", "--long-budget", "30m")
    assert status == 0, said
    passed = re.findall(r"PASSED tests/test_a.py::(\w+)", said)
    assert passed == ["test_first", "test_short"]
    assert "5 long tests were left out" in said
    assert "3  tests/test_a.py::test_second\n" in said
    assert "1  tests/test_a.py::test_last\n" in said
    assert "1  tests/test_a.py::test_takes_longer\n" in said


def test_without_a_budget_the_order_is_that_of_the_ranks(tmp_path):
    status, said = run(project(tmp_path, a=RANKED), "-v", "-n", "1")
    assert status == 0, said
    passed = re.findall(r"PASSED tests/test_a.py::(\w+)", said)
    assert passed == [
        "test_takes_longer",
        "test_first",
        *["test_second"] * 3,
        "test_last",
        "test_short",
    ]


@pytest.mark.parametrize(
    ("text", "expected"), [("90", 90), ("1.5m", 90), ("25m", 1500), ("1h", 3600)]
)
def test_a_budget_is_written_as_people_write_it(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "m", "25 minutes", "-1"])
def test_any_other_budget_is_refused(text):
    with pytest.raises(ValueError, match="25m"):
        seconds(text)
