"""What a job says of itself: numbers worked out by hand on a clock that the test turns."""

from __future__ import annotations

import json
import logging
import os
import threading

import pytest

from distilscope.workflow import progress


class Clock:
    """Seconds that pass when told."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def job(tmp_path, clock):
    return progress.Job("net", tmp_path / "model/net.json", clock)


def read(job):
    return json.loads(job.path.read_text())


def begin(job, label="epoch 1 of 2", total=100, work=1.0, detail=progress.no_detail):
    return job.begin(label, total, "images", work, detail)


def test_share_speed_and_time_left_are_of_the_work_that_was_foretold(job, clock):
    job.expect({"epoch 1 of 2": 300, "evaluation": 100, "epoch 2 of 2": 300, "evaluation 2": 100})
    begin(job, work=3.0).advance(50)
    clock.now += 5
    status = job.status()
    assert (status["done"], status["total"], status["rate"]) == (50, 100, 10.0)
    assert status["share"] == pytest.approx(150 / 800)
    assert status["seconds_left"] == pytest.approx(5 * 650 / 150)
    begin(job, "evaluation", 100).advance(100)
    clock.now += 5
    status = job.status()
    assert status["share"] == pytest.approx(400 / 800)
    assert status["seconds_left"] == pytest.approx(10)


def test_what_an_earlier_run_did_counts_for_the_share_and_not_for_the_speed(job, clock):
    job.expect({"epoch 1 of 2": 100, "epoch 2 of 2": 100}, earlier=100)
    stage = begin(job, "epoch 2 of 2")
    stage.resume(60)
    stage.advance(10)
    clock.now += 2
    status = job.status()
    assert status["rate"] == pytest.approx(5)
    assert status["share"] == pytest.approx(170 / 200)
    assert status["seconds_left"] == pytest.approx(6)
    begin(job, "one more", 100)
    assert job.status()["share"] == pytest.approx(200 / 300)


def test_a_stage_that_is_longer_than_foretold_never_passes_the_end(job, clock):
    job.expect({"maps": 10})
    begin(job, "maps", total=50).advance(80)
    clock.now += 1
    status = job.status()
    assert status["share"] == 1.0
    assert status["seconds_left"] == 0.0


def test_a_line_is_told_every_ten_seconds_and_the_file_oftener(job, clock, caplog):
    stage = begin(job, detail=lambda: "loss 0.5000")
    with caplog.at_level(logging.INFO, "distilscope"):
        for _ in range(12):
            clock.now += 2
            stage.advance(4)
            job.beat()
    assert [record.getMessage() for record in caplog.records] == [
        "net: epoch 1 of 2, 20 %, 2.0 images/s, loss 0.5000, 40 s left",
        "net: epoch 1 of 2, 40 %, 2.0 images/s, loss 0.5000, 30 s left",
    ]
    assert read(job)["done"] == 48


def test_a_stage_without_a_number_says_how_long_it_takes(job, clock, caplog):
    job.begin("alignment", 0, "", 0.0, progress.no_detail)
    clock.now += 25
    with caplog.at_level(logging.INFO, "distilscope"):
        job.beat()
    assert caplog.messages == ["net: alignment, 25 s so far"]


def test_what_comes_behind_the_work_that_was_foretold_is_not_said_to_be_over(job, clock, caplog):
    job.expect({"epoch 1 of 2": 10})
    begin(job, total=10).advance(10)
    clock.now += 20
    job.begin("latency", 0, "", 0.0, progress.no_detail)
    clock.now += 5
    status = job.status()
    assert (status["share"], status["seconds_left"]) == (1.0, None)
    with caplog.at_level(logging.INFO, "distilscope"):
        job.beat()
    assert caplog.messages == ["net: latency, 25 s so far"]


def test_a_stage_whose_units_are_done_and_that_goes_on_is_not_said_to_be_over(job, clock, caplog):
    begin(job, "alignment", total=4).advance(4)
    clock.now += 30
    with caplog.at_level(logging.INFO, "distilscope"):
        job.beat()
    assert caplog.messages[0].endswith("30 s so far") and "left" not in caplog.messages[0]


def test_a_loss_is_fetched_by_the_loop_and_only_where_it_is_wanted(job):
    asked = []
    stage = begin(job, detail=lambda: asked.append(threading.current_thread()) or "loss 1")
    for _ in range(50):
        stage.advance()
    assert asked == []
    other = threading.Thread(target=job.beat)
    other.start()
    other.join()
    assert asked == []
    stage.advance()
    stage.advance()
    assert asked == [threading.current_thread()]
    assert job.status()["detail"] == "loss 1"


def test_the_file_goes_with_the_job_and_stays_where_it_failed(job):
    job.beat()
    status = read(job)
    assert (status["state"], status["pid"]) == ("running", os.getpid())
    job.close()
    assert list(job.path.parent.iterdir()) == []
    job.end("failed", "model failed: no room")
    job.close()
    assert read(job)["state"] == "failed"
    assert read(job)["sentence"] == "model failed: no room"


def test_a_folder_that_can_not_be_written_disturbs_nothing(tmp_path):
    (tmp_path / "file").touch()
    with progress.reported("net", tmp_path / "file/net.json"):
        progress.stage("pass", 3).advance(3)


def test_a_disk_that_is_full_leaves_no_half_file(job, monkeypatch):
    job.beat()

    def full(*names):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(progress.os, "replace", full)
    job.beat()
    assert [path.name for path in job.path.parent.iterdir()] == ["net.json"]


def test_a_job_tells_of_its_loops_from_its_first_moment_to_its_last(tmp_path):
    path = tmp_path / "model/net.json"
    with progress.reported("net", path) as job:
        progress.stage("pass", 10)
        progress.advance(4)
        job.beat()
        assert json.loads(path.read_text())["done"] == 4
    assert not path.exists()


def test_a_child_process_may_be_forked_while_lines_are_told(tmp_path):
    """The child finds no lock that nobody opens."""
    with progress.reported("net", tmp_path / "net.json"):
        child = os.fork()
        if child == 0:
            with progress._telling:
                os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
