"""Results that were made on two machines: merged, and what differs is shown."""

from __future__ import annotations

import re
import shutil

from distilscope import store

from . import studies


def test_a_study_merged_from_two_machines_says_which_and_with_what_versions(finished, tmp_path):
    """One model's folder comes from a machine with another name and another torch."""
    here, there = tmp_path / "here", tmp_path / "there"
    student = finished.study.models[1].artefact
    shutil.copytree(finished.folder / student.folder, there / student.folder)
    with studies.inside(there):
        run = store.read_json(student.folder / "run.json")
        machine = {**run["machine"], "host": "elsewhere", "processor": "another"}
        versions = {**run["versions"], "torch": "9.9.9"}
        store.write_json(
            student.folder / "run.json", {**run, "machine": machine, "versions": versions}
        )
    shutil.copytree(finished.folder, here)
    shutil.rmtree(here / student.folder)
    shutil.copytree(there / "results", here / "results", dirs_exist_ok=True)
    with studies.inside(here):
        page = (studies.make(finished.study.report) / "report.html").read_text()
    shown = [re.sub(r"<[^>]+>", "", item) for item in re.findall(r"<li>.*?</li>", page)]
    assert any("host: elsewhere" in item and item.endswith("(1 artefact)") for item in shown)
    assert any(f"host: {run['machine']['host']}" in item for item in shown)
    assert any("torch 9.9.9" in item and item.endswith("(1 artefact)") for item in shown)
    assert any(f"torch {run['versions']['torch']}" in item for item in shown)
