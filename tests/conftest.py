"""The run of the suite: its order, its limits of time, and what a spent budget leaves out."""

from __future__ import annotations

import faulthandler
import os
import re
import signal
import time
from collections import Counter

import pytest

GRACE = 30.0
"""Seconds after its limit in which a test must have failed, before its process is ended."""

LAST_RANK = 9
LEFT_OUT = "left out: the budget for long tests was spent"
FOLDERS = ("cluster", "end_to_end", "reliability", "workflow", "running", "unit")
"""Costly files first, so that no process is left with one of them at the end."""

BEGAN = pytest.StashKey[float]()
"""When the run began, for all of its processes."""

_STDERR = pytest.StashKey[int]()


def seconds(text: str) -> float:
    """Seconds of `90`, `90s`, `25m` or `1h`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if not found:
        raise ValueError(f"{text!r} is no duration; write seconds, or 90s, 25m, 1h")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def pytest_addoption(parser):
    parser.addoption(
        "--long-budget",
        type=seconds,
        metavar="25m",
        help="begin no long test after that time, and say which were left out",
    )


def pytest_configure(config):
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started with `&` by a script
        signal.signal(signal.SIGINT, signal.default_int_handler)
    given = getattr(config, "workerinput", {})
    config.stash[BEGAN] = given.get("began", time.time())
    config.stash[_STDERR] = os.dup(2)  # while a test runs, its own stderr is caught


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """All processes count from the start of the run."""
    node.workerinput["began"] = node.config.stash[BEGAN]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    if config.getvalue("dist") != "loadfile":
        return None
    from tests.running.handing_out import ByFile

    return ByFile(config, log)


# ------------------------------------------------------------------------------------- order


def rank(item) -> int:
    """How early a test comes: `pytest.mark.long(rank)`, 1 being the most telling."""
    mark = item.get_closest_marker("long")
    return mark.args[0] if mark and mark.args else LAST_RANK


def place(item) -> int:
    folder = item.nodeid.split("/")[1] if "/" in item.nodeid else ""
    return FOLDERS.index(folder) if folder in FOLDERS else len(FOLDERS)


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: (rank(item), place(item)))


# ------------------------------------------------------------------------------------ limits


def limit(item) -> float:
    """Seconds after which pytest-timeout fails a test; 0 is never."""
    mark = item.get_closest_marker("timeout")
    if mark and (mark.args or "timeout" in mark.kwargs):
        return float(mark.args[0] if mark.args else mark.kwargs["timeout"])
    given = item.config.getoption("timeout", None)
    given = os.environ.get("PYTEST_TIMEOUT") if given is None else given
    return float(item.config.getini("timeout") or 0) if given is None else float(given)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """End the process where a test hangs in code that lets no signal through."""
    if limit(item) > 0:
        faulthandler.dump_traceback_later(
            limit(item) + GRACE, exit=True, file=item.config.stash[_STDERR]
        )
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    budget, mark = item.config.getoption("--long-budget"), item.get_closest_marker("long")
    if budget and mark:
        ends = time.time() - item.config.stash[BEGAN] + 60 * mark.kwargs.get("minutes", 0)
        if ends > budget:
            pytest.skip(LEFT_OUT)


def pytest_terminal_summary(terminalreporter):
    skipped = terminalreporter.stats.get("skipped", [])
    left = Counter(_function(r) for r in skipped if LEFT_OUT in str(r.longrepr))
    if left:
        total = sum(left.values())
        terminalreporter.section(f"{total} long tests were left out: their time was spent")
        for name, count in left.items():
            terminalreporter.line(f"{count:5}  {name}")
        terminalreporter.line("`make test-long` runs them all.")


def _function(report) -> str:
    """A test's name without its parameters."""
    return report.nodeid.partition("[")[0]
