"""`make verify` finds every damaged file without running anything."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from distilscope import store
from distilscope.__main__ import main
from distilscope.commands.verify import verify

from .made import made, write


@pytest.fixture
def study():
    return made(write())


def test_whole_results_are_found_whole(study, capsys):
    assert main(["verify"]) == 0
    stored = sum(len(a.outputs) for a in study.artefacts.values())
    assert verify().files > stored
    assert "all as they were written" in capsys.readouterr().out


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def replace(path):
    path.write_bytes(b"x" * path.stat().st_size)


def remove(path):
    path.unlink()


def lose_digest(path):
    path.with_name(path.name + ".sha256").unlink()


@pytest.mark.parametrize("damage", [truncate, replace, remove, lose_digest])
def test_a_damaged_file_is_named_with_its_cure(study, damage, capsys):
    folder = study.by_id["tiny-ce-s1"].artefact.folder
    damage(folder / "weights.safetensors")
    assert main(["verify"]) == 1
    said = capsys.readouterr().out
    assert f"{folder}/weights.safetensors: " in said
    assert f"rm -r '{folder}'" in said
    assert "1 of " in said


def test_the_cure_leads_to_whole_results(study):
    folder = study.by_id["tiny-ce-s1"].artefact.folder
    truncate(folder / "weights.safetensors")
    import shutil

    shutil.rmtree(folder)
    assert verify().damaged == []


def test_an_edited_copy_in_the_published_folder_is_named(study):
    replace(study.published / "report.html")
    remove(study.published / "figures/cka.csv")
    damaged = "\n".join(verify().damaged)
    assert "results/small/report.html: it is not what was published" in damaged
    assert "results/small/figures/cka.csv: the published file is missing" in damaged


def test_a_job_that_did_not_end_is_no_damage(study, capsys):
    folder = study.by_id["tiny-ce-s1"].artefact.folder
    for name in ("run.json", "run.json.sha256"):
        (folder / name).unlink()
    (folder / ".weights.safetensors.abc.part").write_bytes(b"half")
    assert main(["verify"]) == 0
    assert f"{folder}: its job has not finished" in capsys.readouterr().out


def test_an_empty_folder_has_nothing_to_verify(capsys):
    assert main(["verify"]) == 0
    assert capsys.readouterr().out == "0 files, all as they were written.\n"


@pytest.mark.parametrize(
    "place",
    ["results/store", "results/store/models", "the model's folder", "results/store/mine/deep"],
)
def test_a_file_that_no_job_wrote_is_named_and_nothing_is_to_be_removed(study, place, capsys):
    folder = study.by_id["tiny-ce-s1"].artefact.folder
    notes = (folder if place.startswith("the") else Path(place)) / "notes.txt"
    notes.parent.mkdir(parents=True, exist_ok=True)
    notes.write_text("mine")
    assert main(["verify"]) == 0
    said = capsys.readouterr().out
    assert f"{notes}: no job wrote it and none reads it; it was left alone" in said
    assert "rm " not in said


@pytest.mark.parametrize("name", ["results/store/resolved/small.json", "results/small/study.json"])
def test_of_a_damaged_file_of_no_artefact_nothing_else_is_to_be_removed(study, name, capsys):
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text("{")
    path.with_name(f"{path.name}.sha256").write_text("0 x")
    assert main(["verify"]) == 1
    said = capsys.readouterr().out
    assert f"mv '{path}' '{path}.damaged' && " in said
    assert "rm " not in said


def test_a_folder_called_store_above_the_study_is_none_of_ours(study, tmp_path):
    """`rm -r` of a folder three levels above the file was the cure once."""
    path = tmp_path / "store" / "project" / "here" / "results" / "small" / "study.json"
    assert store.artefact_of(path) is None
    assert "rm " not in str(store.DamagedFile(path, "it is damaged"))


def test_a_cure_can_be_typed_where_a_path_has_a_quote(tmp_path):
    folder = tmp_path / "o'brien" / "store" / "models" / "tiny.0123456789ab"
    folder.mkdir(parents=True)
    cure = str(store.DamagedFile(folder / "run.json", "it is damaged"))
    command = cure.partition("again: ")[2].partition(" && ")[0]
    subprocess.run(command, shell=True, check=True)
    assert not folder.exists()
