"""Where the workflow is looked for."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from distilscope.auditing import running


def workflow(folder: Path, rule: str = "observations.smk") -> Path:
    (folder / "rules").mkdir(parents=True)
    (folder / "rules" / rule).touch()
    (folder / "Snakefile").touch()
    return folder


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """A working directory, with a package that lies in no clone and was not installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "CLONE", tmp_path / "site-packages")
    monkeypatch.setattr(running.metadata, "files", lambda name: None)
    return tmp_path


def test_the_working_directory_comes_first(elsewhere):
    workflow(elsewhere)
    assert running.workflow_folder() == elsewhere


def test_another_workflow_in_the_working_directory_is_not_taken_for_ours(elsewhere, monkeypatch):
    workflow(elsewhere, rule="align_reads.smk")
    monkeypatch.setattr(running, "CLONE", workflow(elsewhere / "clone"))
    assert running.workflow_folder() == elsewhere / "clone"


def test_an_installed_workflow_is_where_the_record_of_the_package_says(elsewhere, monkeypatch):
    """Also where that is not the environment itself, as with `pip install --user`."""
    there = workflow(elsewhere / "home/share/distilscope")
    record = elsewhere / "home/lib/distilscope.dist-info/RECORD"
    record.parent.mkdir(parents=True)
    record.write_text("../share/distilscope/Snakefile,,\ndistilscope/__init__.py,,\n")
    (record.parent / "METADATA").write_text("Name: distilscope\nVersion: 0\n")
    installed = metadata.Distribution.at(record.parent)
    monkeypatch.setattr(running.metadata, "files", lambda name: installed.files)
    assert running.workflow_folder() == there


def test_a_lock_that_is_left_or_another_runs_is_spoken_of_with_the_way_out(elsewhere):
    assert running.lock() == ""
    Path(".snakemake/locks").mkdir(parents=True)
    assert running.lock() == ""
    Path(".snakemake/locks/0.output.lock").touch()
    assert "another run is at work here" in running.lock()
    assert "`rm -r .snakemake/locks`" in running.lock()


def test_without_a_workflow_every_place_is_named(elsewhere):
    with pytest.raises(OSError, match="the workflow is not there") as told:
        running.workflow_folder()
    assert str(elsewhere) in str(told.value)
