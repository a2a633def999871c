"""`make pack`: a published study in one file that can be checked anywhere."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from distilscope.commands import pack
from distilscope.configuration.kinds import ConfigurationError

from .made import made, write


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return made(write())


def contents(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}


def test_the_archive_holds_what_is_published_and_where_it_came_from(study):
    count = pack.pack(study.configuration.study, Path("out.zip"))
    found = contents("out.zip")
    assert len(found) == count
    assert found["report.html"] == (study.published / "report.html").read_bytes()
    runs = {name for name in found if name.endswith("/run.json")}
    assert runs == {
        f"provenance/{artefact.folder.parent.name}/{artefact.name}/run.json"
        for artefact in study.artefacts.values()
    }
    digests = json.loads(found["manifest.json"])["files"]
    assert set(digests) == set(found) - {"manifest.json"}
    for name, digest in digests.items():
        assert hashlib.sha256(found[name]).hexdigest() == digest


@pytest.fixture
def crate(study):
    """The unpacked archive as the reference library for RO-Crates reads it."""
    pack.pack(study.configuration.study, Path("out.zip"))
    with zipfile.ZipFile("out.zip") as archive:
        archive.extractall("out")
    return ROCrate(Path("out/small"))


def test_the_archive_is_an_ro_crate_that_describes_every_file(crate):
    assert crate.root_dataset["name"] == "A small study"
    assert crate.root_dataset["datePublished"] == "2026-01-02T03:04:05+00:00"
    files = (path for path in Path("out").rglob("*") if path.is_file())
    there = {path.relative_to("out/small").as_posix(): path for path in files}
    described = {entity.id: entity for entity in crate.data_entities}
    assert described.keys() == there.keys() - {"ro-crate-metadata.json"}
    for name in described.keys() - {"manifest.json"}:
        content = there[name].read_bytes()
        assert described[name]["sha256"] == hashlib.sha256(content).hexdigest()
        assert described[name]["contentSize"] == str(len(content))


def test_the_crate_says_which_run_of_which_program_made_it(crate):
    run = crate.root_dataset["mentions"]
    assert run["instrument"]["name"] == "distilscope"
    assert run["result"] is crate.root_dataset
    assert crate.root_dataset["license"]["name"] == "No licence is stated"


def test_a_program_for_ro_crates_writes_it_back_as_it_was(crate):
    crate.write("back")
    before, after = (
        {one["@id"]: one for one in json.loads(Path(place).read_text())["@graph"]}
        for place in ("out/small/ro-crate-metadata.json", "back/ro-crate-metadata.json")
    )
    assert after == before


def test_the_same_study_gives_the_same_bytes(study):
    for name in ("one.zip", "two.zip"):
        pack.pack(study.configuration.study, Path(name))
        (study.published / "report.html").touch()
    assert Path("one.zip").read_bytes() == Path("two.zip").read_bytes()


def test_a_published_file_that_was_altered_is_not_packed(study):
    (study.published / "report.html").write_text("another")
    with pytest.raises(ConfigurationError, match=r"report\.html: it is not what was published"):
        pack.pack(study.configuration.study, Path("out.zip"))
    assert not Path("out.zip").exists()


def test_a_study_that_was_never_run_is_named_with_the_command(study):
    with pytest.raises(ConfigurationError, match="holds no published study; run it first"):
        pack.pack("another", Path("out.zip"))
