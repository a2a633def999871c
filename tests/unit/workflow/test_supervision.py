"""Signals that Snakemake alone gets reach its jobs, and no other process below it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from distilscope.workflow import interrupt

SNAKEMAKE = """
    import signal, subprocess, sys
    from distilscope.workflow import supervision

    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background ignore it
    supervision.pass_on_signals()
    signal.signal(signal.SIGTERM, lambda *_: None)  # as Snakemake's, which waits for its jobs
    job = "set -euo pipefail;  {python} .snakemake/scripts/tmp.model.py"
    tool = "import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", tool]) as other:
        try:
            with subprocess.Popen(["bash", "-c", job.format(python=sys.executable)]) as shell:
                shell.wait()
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        print("the tool goes on" if other.poll() is None else "the tool is gone", flush=True)
        other.kill()
"""
"""What Snakemake does: a script below a shell, and beside it some other program."""

JOB = """
    import signal
    from distilscope.workflow import interrupt

    with interrupt.watching() as stop:
        print("begun", flush=True)
        while not stop.asked_by:
            signal.pause()
    print(f"stopped by {stop.asked_by.name}", flush=True)
"""


@pytest.fixture
def snakemake(tmp_path):
    """A process that has a job which listens."""
    (tmp_path / ".snakemake/scripts").mkdir(parents=True)
    (tmp_path / ".snakemake/scripts/tmp.model.py").write_text(textwrap.dedent(JOB))
    (tmp_path / "snakemake.py").write_text(textwrap.dedent(SNAKEMAKE))
    with subprocess.Popen(
        [sys.executable, "snakemake.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout.readline() == "begun\n"
        yield process
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_snakemake_alone_reaches_the_job_and_not_its_shell_or_other_programs(
    snakemake, by
):
    snakemake.send_signal(by)
    said, _ = snakemake.communicate(timeout=30)
    assert f"stopped by {by.name}" in said
    assert "interrupted" in said
    assert "the tool goes on" in said


@pytest.fixture
def hangup_is_heard():
    """Whatever the tests run under: `nohup` hands it down ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hangup_is_heard")
@pytest.mark.parametrize("number", interrupt.ASKING)
def test_a_job_that_is_no_training_leaves_at_once_and_closes_what_is_open(number):
    before, closed = signal.getsignal(number), []
    with pytest.raises(interrupt.Interrupted) as stopped, interrupt.leaving():
        try:
            os.kill(os.getpid(), number)
            pytest.fail("it went on")
        finally:
            os.kill(os.getpid(), number)  # a second one changes nothing
            closed.append(True)
    assert closed and stopped.value.by == number and stopped.value.code == 128 + number
    assert signal.getsignal(number) == before


def test_a_closed_terminal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupt.leaving(), interrupt.watching() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.asked_by is None
    finally:
        signal.signal(signal.SIGHUP, before)
