"""`make pack`: a published study in one file that can be checked anywhere."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from distilscope.commands import pack
from distilscope.settings import ConfigurationError

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
