"""How far a study is, from files that the test lays: seconds and shares worked out by hand."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import time

import pytest

from distilscope.workflow import progress
from distilscope.workflow.effort import STARTUP, Effort, Speed, key, views_of
from distilscope.workflow.watching import companion, words
from distilscope.workflow.watching.overview import (
    BEFORE_SECONDS,
    Watcher,
    makespan,
    status_file,
    why_silent,
)
from tests.reliability import studies

COUNTS = {"train": 120, "held-out": 40, "test": 80}
SPEED = Speed(learning=0.5, forward=0.1)


@pytest.fixture
def study(tmp_path):
    with studies.inside(tmp_path):
        yield studies.plan(studies.SMALL)


def lay(study, artefact, seconds=10.0, host=None, **facts):
    """As if its job had been done."""
    for name in artefact.outputs:
        (artefact.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (artefact.folder / name).touch()
    run = {"seconds": {"total": seconds}, "machine": {"host": host or socket.gethostname()}}
    (artefact.folder / "run.json").write_text(json.dumps({**run, "facts": facts}))


def lay_images(study):
    lay(study, study.dataset)
    (study.dataset.folder / "manifest.json").write_text(json.dumps({"counts": COUNTS}))


def say(artefact, **changes):
    """As if its job were running."""
    job = progress.Job(words.name_of(artefact), status_file(artefact))
    status = {**job.status(), **changes}
    job._write(status)
    return status


def with_speeds(study):
    effort = Effort(study)
    effort.speeds = {key(model.artefact): SPEED for model in study.models}
    return effort


@pytest.fixture(autouse=True)
def whole_files(monkeypatch):
    """The manifest that a test lays has no digest."""
    from distilscope.workflow import effort

    monkeypatch.setattr(effort.store, "read_json", lambda path: json.loads(path.read_text()))


def test_jobs_cost_what_their_images_and_passes_take(study):
    lay_images(study)
    effort = with_speeds(study)
    teacher, student = (model.artefact for model in study.models)
    training = 3 * (120 * 0.5 + 40 * 0.1)
    assert effort.seconds(teacher) == pytest.approx(STARTUP["model"] + training)
    assert effort.seconds(student) == pytest.approx(STARTUP["model"] + training)
    (targets,) = study.of_kind("targets")
    assert effort.seconds(targets) == pytest.approx(STARTUP["targets"] + 120 * 2 * 0.1)
    seen = study.observations[study.models[1].id]
    gradcam_and_pass, saliency, held_out = 2 * 80 * 0.1, 20 * 0.5, 40 * 0.1
    expected = STARTUP["observation"] + gradcam_and_pass + saliency + held_out
    assert effort.seconds(seen) == pytest.approx(expected)


def test_all_views_are_every_place_and_both_sides():
    assert views_of({"policy": "crop-flip", "pad": 2, "tabulated": None}) == 50
    assert views_of({"policy": "crop-flip", "pad": 2, "tabulated": 6}) == 6


def test_the_share_is_weighted_by_what_jobs_cost_and_not_by_their_number(study):
    lay_images(study)
    lay(study, study.models[0].artefact, 190.0)
    effort = with_speeds(study)
    seen = Watcher(study, effort, slots=1).look()
    assert seen.done == 2
    total = sum(effort.seconds(a) for a in study.artefacts.values())
    by_cost = (effort.seconds(study.dataset) + effort.seconds(study.models[0].artefact)) / total
    assert seen.share > 2 * seen.done / seen.jobs
    assert seen.share == pytest.approx(by_cost, abs=0.1)


def test_what_ran_here_says_how_long_the_rest_takes_and_what_ran_elsewhere_or_resumed_does_not(
    study, tmp_path
):
    lay_images(study)
    teacher = study.models[0].artefact
    effort = with_speeds(study)
    lay(study, teacher, 2 * effort.seconds(teacher) - BEFORE_SECONDS)
    watcher = Watcher(study, effort, slots=1)
    assert watcher._scale("model", {}) == pytest.approx(2.0)
    for changes in ({"host": "elsewhere"}, {"resumed_from": "epoch 2, batch 1"}):
        lay(study, teacher, 999.0, **changes)
        assert Watcher(study, effort, slots=1)._scale("model", {}) == 1.0


def test_trainings_of_networks_that_nothing_measured_are_like_each_other_and_no_other_job(study):
    lay_images(study)
    teacher = study.models[0].artefact
    effort = Effort(study)
    assert Watcher(study, effort, slots=1).look().seconds_left is None
    say(teacher, elapsed=20.0, share=0.2, seconds_left=80.0)
    watcher = Watcher(study, effort, slots=1)
    running = {status_file(teacher): json.loads(status_file(teacher).read_text())}
    expected = (100.0 + BEFORE_SECONDS) / effort.seconds(teacher)
    assert watcher._scale("model", running) == pytest.approx(expected)
    assert watcher.look().seconds_left > 80.0


def test_a_running_job_counts_with_its_share_and_its_own_time_left(study):
    lay_images(study)
    teacher = study.models[0].artefact
    effort = with_speeds(study)
    before = Watcher(study, effort, slots=1).look()
    say(teacher, share=0.5, seconds_left=1000.0)
    seen = Watcher(study, effort, slots=1).look()
    assert [status["job"] for status in seen.running] == [teacher.slug]
    assert seen.share > before.share + 0.1
    rest = effort.seconds(teacher)
    assert seen.seconds_left == pytest.approx(before.seconds_left - rest + 1000.0)


def test_the_share_never_falls_whatever_is_learned_of_the_rest(study):
    lay_images(study)
    watcher = Watcher(study, with_speeds(study), slots=1)
    before = watcher.look().share
    lay(study, study.models[0].artefact, 0.1)  # so fast that what is left weighs more
    assert watcher.look().share >= before
    lay(study, study.of_kind("targets")[0], 10_000.0)
    during = watcher.look().share
    lay(study, study.observations[study.models[0].id], 10_000.0)
    assert watcher.look().share >= during >= before


def test_a_job_that_is_done_is_told_of_once(study):
    lay_images(study)
    watcher = Watcher(study, with_speeds(study), slots=1)
    assert watcher.look().finished == ()
    lay(study, study.models[0].artefact, 185.0)
    seen = watcher.look()
    (last,) = seen.finished
    assert words.finished(*last, seen).startswith("teacher-s1: done in 3 min 05 s; study ")
    assert watcher.look().finished == ()


def test_the_time_left_is_not_known_where_nothing_was_measured(study):
    seen = Watcher(study, Effort(study), slots=1).look()
    assert seen.seconds_left is None
    assert words.of_study(seen) == "study 0 %, time left not known yet"


def test_jobs_side_by_side_end_with_the_longest_way_through_them(study):
    """Two slots: targets (7) wait for the teacher (10), the student (20) for the targets."""
    teacher, student = (model.artefact for model in study.models)
    (targets,) = study.of_kind("targets")
    seen = study.observations[study.models[0].id]
    pending = {a.folder: a for a in (teacher, targets, student, seen)}
    left = dict(zip(pending, (10.0, 7.0, 20.0, 5.0), strict=True))
    assert makespan(study, pending, left, slots=2) == 37.0
    assert makespan(study, pending, left, slots=1) == 42.0
    assert makespan(study, {}, {}, slots=2) == 0.0


def test_a_job_that_is_silent_or_gone_is_said_to_be(study):
    status = say(study.models[0].artefact)
    now = status["heartbeat"]
    assert why_silent(status, now + 5) == ""
    assert "no sign of life for 1 min 40 s" in why_silent(status, now + 100)
    with subprocess.Popen(["true"]) as other:
        other.wait()
    gone = {**status, "pid": other.pid}
    assert why_silent(gone, now + 100) == "ended without a word 1 min 40 s ago"
    elsewhere = {**gone, "host": "node7"}
    assert "no sign of life for 1 min 40 s (host node7)" in why_silent(elsewhere, now + 100)


def test_the_last_words_are_those_of_the_jobs_that_failed_and_of_those_that_could_say_none(study):
    teacher, student = (model.artefact for model in study.models)
    say(teacher, state="failed", sentence="teacher failed: the loss became nan")
    with subprocess.Popen(["true"]) as other:
        other.wait()
    say(student, pid=other.pid, stage="epoch 1 of 3")
    assert sorted(companion.closing_lines(time.time())) == [
        "teacher failed: the loss became nan",
        f"{student.slug}: it ended without a word (killed?), in epoch 1 of 3",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3, "about 10 s"),
        (44, "about 40 s"),
        (700, "about 12 min"),
        (7800, "about 2 h 10 min"),
        (400_000, "about 5 days"),
    ],
)
def test_an_estimate_is_no_more_exact_than_it_is(seconds, text):
    assert words.about(seconds) == text


def test_a_live_view_has_a_row_for_each_job(study):
    from rich.console import Console

    lay_images(study)
    say(study.models[0].artefact, stage="epoch 2 of 3", done=5, total=10, share=0.5)
    seen = Watcher(study, with_speeds(study), slots=1).look()
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(words.drawn(seen))
    head, bar, row = console.export_text().splitlines()
    assert head.startswith("small  study ") and set(bar.strip()) <= set("━╸╺")
    assert row.split("━")[0].strip() == "teacher-s1"
    assert "epoch 2 of 3" in row and "50 %" in row


IN_A_TERMINAL = """
import subprocess, sys
from distilscope.workflow.watching import companion

screen = companion._screen()
assert screen.live
subprocess.run(["sh", "-c", "echo from a job >&2; echo half a line >&2"])
screen.say("said beside it")
screen.close()
print("after the view", file=sys.stderr)
"""


def test_in_a_terminal_what_jobs_write_goes_above_the_view_and_none_is_lost():
    controlling, terminal = os.openpty()
    with subprocess.Popen([sys.executable, "-c", IN_A_TERMINAL], stderr=terminal) as process:
        os.close(terminal)
        said = b""
        while chunk := _read(controlling):
            said += chunk
    os.close(controlling)
    assert process.returncode == 0, said
    places = [said.index(line) for line in (b"from a job", b"half a line", b"after the view")]
    assert places == sorted(places)
    assert b"said beside it" in said


def _read(terminal):
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""


def test_in_a_file_lines_are_plain():
    with subprocess.Popen(
        [sys.executable, "-c", IN_A_TERMINAL.replace("assert screen.live", "")],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        said = process.stderr.read()
    assert said.splitlines() == ["from a job", "half a line", "said beside it", "after the view"]
