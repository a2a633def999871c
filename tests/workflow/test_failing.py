"""What a person reads at the end of a run in which a job failed."""

from __future__ import annotations

import pytest

from .clone import Clone

FAILING = """
from distilscope.workflow.script import reported

with reported(snakemake):
    raise ValueError("the pictures are of another century")
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    clone = Clone(tmp_path_factory.mktemp("clone"))
    (clone.folder / "workflow/scripts/dataset.py").write_text(FAILING)
    done = clone.snakemake("--cores", "1")
    assert done.returncode == 1
    return done.stdout + done.stderr


def test_the_last_line_is_the_sentence_of_the_job_that_failed(said):
    *_, last = said.strip().splitlines()
    assert last.startswith("dataset failed: the pictures are of another century (details in res")


def test_snakemake_counts_no_jobs_beside_the_share_of_the_study(said):
    assert "steps (" not in said
