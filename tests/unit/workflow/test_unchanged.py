"""A job that is planned for one source, or one file of the user's, computes with no other."""

from __future__ import annotations

import os
import sys

import pytest

from distilscope import store
from distilscope.planning import fingerprint
from distilscope.planning.job import Job
from distilscope.store import contents
from distilscope.store.contents import Content
from distilscope.workflow.provenance import Stopwatch, write_run
from distilscope.workflow.unchanged import ChangedSincePlan, Watch


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(contents, "UNSETTLED_NS", -1)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of the user's, which this process has not imported."""
    path = tmp_path / "factory_of_mine.py"
    path.write_text("def make(): return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("source", "_file", "_syntax", "_covered"):
        getattr(fingerprint, name).cache_clear()
    return path


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "mine" / "1.png"
    path.parent.mkdir()
    path.write_bytes(b"cats")
    return path


@pytest.fixture
def job(tmp_path, module, picture):
    source = fingerprint.source("factory_of_mine:make")
    return Job(
        *("model", "tiny-s1", "0123456789ab", {}, {}, tmp_path / "tiny-s1.0123456789ab"),
        source=str(source),
        parts=source.parts,
        contents={"data.path": Content.now(picture.parent)},
    )


def finish(job, watch):
    made = Job.from_json(job.to_json())
    write_run(Job(**{**vars(made), "watch": watch}), Stopwatch(), {})


def test_the_record_says_what_was_used(job):
    finish(job, Watch.begin(job))
    run = store.read_json(job.folder / "run.json")
    assert run["source"] == job.source
    assert run["contents"] == {"data.path": job.contents["data.path"].digest}


def test_a_job_begins_with_what_its_plan_saw_or_not_at_all(job, module, picture):
    text, pixels = module.read_text(), picture.read_bytes()
    module.write_text("def make(): return 2\n")
    with pytest.raises(ChangedSincePlan, match="tiny-s1: the source of factory_of_mine was edited"):
        Watch.begin(job)
    module.write_text(f"# a comment\n{text}")
    picture.write_bytes(b"dogs")
    with pytest.raises(ChangedSincePlan, match=r"data\.path: .*mine has changed since the plan"):
        Watch.begin(job)
    picture.write_bytes(pixels)
    finish(job, Watch.begin(job))


@pytest.mark.parametrize("change", ["edit", "remove"])
@pytest.mark.parametrize("what", ["module", "picture"])
def test_no_result_is_written_of_what_changed_meanwhile(job, module, picture, what, change):
    watch = Watch.begin(job)
    path = {"module": module, "picture": picture}[what]
    path.unlink() if change == "remove" else path.write_bytes(b"X = 2\n")
    with pytest.raises(ChangedSincePlan, match="un again"):
        finish(job, watch)
    assert not (job.folder / "run.json").exists()


def test_an_image_that_was_put_back_is_noticed(job, picture):
    watch, times = Watch.begin(job), picture.stat()
    for pixels in (b"dogs", b"cats"):
        picture.write_bytes(pixels)
        os.utime(picture, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(ChangedSincePlan):
        finish(job, watch)


def test_a_module_that_was_put_back_is_noticed_unless_it_was_loaded_before(job, module):
    def edit_and_put_back():
        text = module.read_text()
        module.write_text("def make(): return 2\n")
        module.write_text(text)

    watch = Watch.begin(job)
    edit_and_put_back()
    with pytest.raises(ChangedSincePlan, match="factory_of_mine"):
        finish(job, watch)
    import factory_of_mine  # noqa: F401

    try:
        watch = Watch.begin(job)
        edit_and_put_back()
        finish(job, watch)
    finally:
        del sys.modules["factory_of_mine"]


def test_running_again_after_a_change_plans_with_the_new_content(job, picture, monkeypatch):
    """On a file system that knows no time of change: what was remembered is forgotten."""
    monkeypatch.setattr(contents, "state", lambda path: (path.stat().st_size, 0, 0, 0))
    planned = Content.now(picture.parent)
    picture.write_bytes(b"dogs!")
    with pytest.raises(ChangedSincePlan):
        Watch.begin(job)
    picture.write_bytes(b"dogs")
    assert Content.now(picture.parent) != planned
