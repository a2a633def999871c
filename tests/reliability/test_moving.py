"""Results that came from elsewhere, or were carried over: the report says so."""

from __future__ import annotations

import re
import shutil

from distilscope import accepted, store

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


def test_the_report_lists_what_was_carried_over_and_why(finished, tmp_path):
    shutil.copytree(finished.folder, tmp_path, dirs_exist_ok=True)
    student = finished.study.models[1].artefact
    with studies.inside(tmp_path):
        entry = {"why": "renamed <views>", "when": "2026-01-02", "from": "0" * 12}
        accepted.write(student.folder, [{**entry, "changed": ["distilscope.training.loop"]}])
        page = (studies.make(finished.study.report) / "report.html").read_text()
    (row,) = re.findall(r"<tr>(?:(?!</tr>).)*renamed &lt;views&gt;.*?</tr>", page)
    shown = re.sub(r"<[^>]+>", " ", row).split()
    assert {"model", student.slug, "2026-01-02", "distilscope.training.loop"} <= set(shown)
