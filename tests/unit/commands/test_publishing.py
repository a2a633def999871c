"""What people open is whole at every moment, and nothing else is touched."""

from __future__ import annotations

import os
import shutil
import threading

import pytest

from distilscope import store
from distilscope.planning import record
from distilscope.planning.state import StoreState
from distilscope.store import publishing

from ...workflow.editing import put
from .made import made, write


def publish(study):
    folders = {a.kind: a.folder for a in (study.tables, study.figures, study.report)}
    publishing.publish(folders, study.published, study.marker, record.describe(study))


@pytest.fixture
def study():
    return made(write())


def test_a_publication_has_the_files_that_the_plan_asks_for(study):
    assert all(path.is_file() for path in study.published_files)
    hidden = {path.name for path in study.published.rglob(".*")}
    assert hidden == {study.marker.name}


@pytest.mark.parametrize(
    "name",
    ["measures.parquet", "summary.txt", "study.json", "study.json.sha256", "figures/cka.csv"],
)
def test_a_file_that_was_removed_is_published_again(study, name):
    (study.published / name).unlink()
    todo = StoreState(study).to_make()
    assert (todo.artefacts, todo.publish) == ((), True)
    publish(study)
    assert (study.published / name).is_file()
    assert not StoreState(study).to_make()


def test_a_reader_finds_a_whole_report_at_every_moment(study):
    """It reads in a loop while two configurations of the study are published in turn."""
    other = made(write(put("scale", "paper")))
    known = {(each.report.folder / "report.html").read_bytes() for each in (study, other)}
    assert len(known) == 2
    seen, ended = [], threading.Event()

    def read():
        while not ended.is_set():
            try:
                seen.append((study.published / "report.html").read_bytes())
            except FileNotFoundError:
                seen.append(None)

    reader = threading.Thread(target=read)
    reader.start()
    for each in (study, other) * 10:
        publish(each)
    ended.set()
    reader.join()
    assert set(seen) <= known


@pytest.mark.parametrize(
    "listed", ["../../victim", "/etc/victim", "notes.txt", "figures/../victim"]
)
def test_a_marker_that_lists_what_was_not_published_is_not_believed(study, listed, tmp_path):
    victims = [tmp_path / "victim", study.published / "victim", study.published / "notes.txt"]
    for victim in victims:
        victim.write_text("mine")
    marker = study.published / ".0123456789ab.published"
    marker.write_text(listed.replace("/etc/victim", str(victims[0])) + "\nold.parquet\n")
    (study.published / "old.parquet").write_text("an earlier table")
    publish(study)
    assert all(victim.exists() for victim in victims)
    assert not (study.published / "old.parquet").exists()
    assert not marker.exists()


def test_nothing_is_removed_through_a_link(study, tmp_path):
    figures = study.published / "figures"
    shutil.move(figures, tmp_path / "mine")
    figures.symlink_to(tmp_path / "mine")
    (tmp_path / "mine" / "old.svg").write_text("mine")
    (study.published / ".0123456789ab.published").write_text("figures/old.svg\n")
    publish(study)
    assert (tmp_path / "mine" / "old.svg").exists()


@pytest.mark.parametrize("step", range(0, 60, 7))
def test_a_publication_that_is_killed_is_done_again_and_leaves_nothing(study, monkeypatch, step):
    """Killed at one of the renames by which files take their names."""
    other = made(write(put("scale", "paper")))
    publish(study)
    left, rename = [step], os.replace

    def killed(source, target):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        rename(source, target)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(os, "replace", killed)
        publish(other)
        publish(other)
    assert (study.published / "report.html").is_file()
    publish(other)
    assert all(path.is_file() for path in other.published_files)
    assert {path.name for path in study.published.rglob(".*")} == {other.marker.name}


def test_a_damaged_file_of_the_store_leaves_what_is_published_as_it_was(study):
    other = made(write(put("scale", "paper")))
    publish(study)
    before = {path: path.read_bytes() for path in study.published.rglob("*") if path.is_file()}
    (other.report.folder / "report.html").write_text("altered")
    with pytest.raises(store.DamagedFile):
        publish(other)
    after = {path: path.read_bytes() for path in study.published.rglob("*") if path.is_file()}
    assert after == before


def test_unfinished_files_of_a_killed_job_are_removed_and_no_others(tmp_path):
    for name in (".w.safetensors.ab12_cd3.part", "test/.t.parquet.abcdefgh.part"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"half")
    kept = [tmp_path / name for name in (".notes.part", "notes.abcdefgh.part", "w.safetensors")]
    for path in kept:
        path.write_bytes(b"mine")
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / ".x.abcdefgh.part").write_bytes(b"mine")
    (tmp_path / "link").symlink_to(outside)
    store.remove_parts(tmp_path)
    found = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert found == set(kept)
    assert (outside / ".x.abcdefgh.part").exists()
