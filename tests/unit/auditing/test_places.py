"""A report's folder is one audit's: another of the same name is refused before anything is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from distilscope.auditing import places

REPORT = Path("results/check")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")


def made(folder: str | Path) -> Path:
    Path(folder).mkdir(parents=True, exist_ok=True)
    places.claim(REPORT, Path(folder))
    return Path(folder)


def test_a_second_audit_of_that_name_is_refused_with_a_folder_that_would_be_accepted():
    made("a/check")
    with pytest.raises(ValueError, match=r"audit in a/check, .* such as b/check-2, or run it"):
        places.check(REPORT, Path("b/check"))
    with pytest.raises(ValueError, match="would take its place"):
        made("b/check")
    places.check(Path("results/check-2"), Path("b/check-2"))


def test_the_same_audit_however_it_is_named_goes_on():
    made("a/check")
    for same in ("./a/check", "a/../a/check", Path("a/check").absolute()):
        made(same)
    Path("linked").symlink_to("a")
    made("linked/check")
    with pytest.raises(ValueError, match="audit in a/check"):
        made("b/check")


def test_an_audit_that_is_gone_leaves_its_place():
    shutil.rmtree(made("a/check"))
    made("b/check")


def test_a_copy_of_the_working_folder_is_not_held_by_the_first(tmp_path, monkeypatch):
    made("a/check")
    shutil.copytree(tmp_path / "project", tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    made("a/check")


def test_audits_outside_the_working_folder_are_told_apart(tmp_path):
    made(tmp_path / "ü b" / "check")
    with pytest.raises(ValueError, match=r"holds the report of the audit in .*ü b/check"):
        made(tmp_path / "c" / "check")
