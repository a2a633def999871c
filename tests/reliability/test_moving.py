"""Results that came from elsewhere, or were carried over: the report says so."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from distilscope import store
from distilscope.commands import accept
from distilscope.commands.verify import verify
from distilscope.planning.state import StoreState

from ..unit.commands.made import edited
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
        studies.make(finished.study.tables)
        page = (studies.make(finished.study.report) / "report.html").read_text()
    shown = [re.sub(r"<[^>]+>", "", item) for item in re.findall(r"<li>.*?</li>", page)]
    assert any("host: elsewhere" in item and item.endswith("(1 artefact)") for item in shown)
    assert any(f"host: {run['machine']['host']}" in item for item in shown)
    assert any("torch 9.9.9" in item and item.endswith("(1 artefact)") for item in shown)
    assert any(f"torch {run['versions']['torch']}" in item for item in shown)


def test_a_study_is_carried_over_a_refactor_and_the_report_says_so(finished, tmp_path, monkeypatch):
    """`make accept` over files as jobs leave them; what is left to make are tables and report."""
    folder = studies.begin(tmp_path / "study", studies.SMALL)
    shutil.copytree(finished.folder, folder, dirs_exist_ok=True)
    edited(monkeypatch, "objectives/kd.py")
    student = studies.plan(studies.SMALL).models[1].artefact
    with studies.inside(folder):
        assert accept.main(Path("study.yaml"), studies.REPOSITORY, "renamed <views>") == 0
        study = studies.plan(studies.SMALL)
        state = StoreState(study)
        left = [a for a in studies.in_order(study) if not state.is_whole(a)]
        assert [artefact.kind for artefact in left] == ["tables", "figures", "report"]
        for artefact in left:
            studies.make(artefact)
        studies.publish(study)
        assert verify().damaged == []
    page = (folder / study.report.folder / "report.html").read_text()
    rows = re.findall(r"<tr>(?:(?!</tr>).)*renamed &lt;views&gt;.*?</tr>", page)
    (row,) = [row for row in rows if ">model<" in row]
    shown = re.sub(r"<[^>]+>", " ", row).split()
    assert {student.slug, "distilscope.training.objectives.kd"} <= set(shown)
