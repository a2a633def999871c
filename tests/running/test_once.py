"""What several processes need is made by one of them."""

from __future__ import annotations

import multiprocessing
from types import SimpleNamespace

import pytest

from .once import once


def factory(own):
    """Stands in for the `tmp_path_factory` of a process whose folder is `own`."""

    def mktemp(name):
        found = own / f"{name}{len(list(own.glob(name + '*')))}"
        found.mkdir(parents=True)
        return found

    return SimpleNamespace(getbasetemp=lambda: own, mktemp=mktemp)


def of_process(number, shared, made):
    """What a process does: it notes that it makes something, and reads what there is."""

    def make(folder):
        made.put(number)
        (folder / "by").write_text(str(number))

    return once(factory(shared / f"process-{number}"), "thing", make)


@pytest.fixture
def processes(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    for number in range(4):
        (tmp_path / f"process-{number}").mkdir()
    return multiprocessing.get_context("fork")


def test_one_process_makes_it_and_each_has_a_copy_of_its_own(processes, tmp_path):
    made = processes.Queue()
    started = [
        processes.Process(target=of_process, args=(number, tmp_path, made)) for number in range(4)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()
    maker = str(made.get())
    assert made.empty()
    copies = [tmp_path / f"process-{number}/thing0/by" for number in range(4)]
    assert [copy.read_text() for copy in copies] == [maker] * 4
    copies[0].write_text("damaged")
    assert [copy.read_text() for copy in copies[1:]] == [maker] * 3


def test_what_could_not_be_made_is_not_tried_again_and_says_why(processes, tmp_path):
    def fail(folder):
        raise ValueError("no room")

    with pytest.raises(ValueError, match="no room"):
        once(factory(tmp_path / "process-0"), "thing", fail)
    with pytest.raises(pytest.fail.Exception, match="by another process"):
        once(factory(tmp_path / "process-1"), "thing", lambda folder: None)
