"""A job is one process, whatever it has just forked."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from tests import jobs

FORKS = """
import os, sys
if os.fork():
    print("forked", flush=True)
sys.stdin.read()
"""
"""A job at the moment when it starts a program: a copy of it, and no other program yet."""


@pytest.fixture
def job(tmp_path):
    script = tmp_path / "study/.snakemake/scripts/tmp.model.py"
    script.parent.mkdir(parents=True)
    script.write_text(FORKS)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, script], **pipes) as process:
        assert process.stdout.readline() == b"forked\n"
        yield psutil.Process(process.pid)
        process.stdin.close()


def test_what_a_job_forks_is_no_second_job(job, tmp_path):
    everybody = [*job.children(), job, psutil.Process()]
    assert len(everybody) == 3
    assert jobs.of_rule("model", everybody, tmp_path / "study") == [job]


def test_jobs_of_another_rule_or_folder_are_not_meant(job, tmp_path):
    assert jobs.of_rule("observation", [job], tmp_path / "study") == []
    assert jobs.of_rule("model", [job], tmp_path / "other") == []
