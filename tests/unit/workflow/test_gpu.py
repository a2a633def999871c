"""GPU slots: never two jobs on one device, first come first served, freed however a job ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from distilscope.workflow import gpu

# A job that writes down which devices it has and when: `<name> <ids> <begin> <end>`.
JOB = """
import sys, time
from pathlib import Path
from distilscope.workflow import gpu

name, count, seconds, folder = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
with gpu.held(count, folder / "locks") as ids:
    import os
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ",".join(ids)
    begin = time.monotonic()
    (folder / f"{name}.begun").touch()
    time.sleep(seconds)
    line = f"{name} {','.join(ids)} {begin} {time.monotonic()}\\n"
    with open(folder / "diary", "a") as diary:
        diary.write(line)
"""

SOURCE = str(Path(gpu.__file__).parents[2])


def start(folder, name, count=1, seconds=0.01, devices="0,1,2", **variables):
    environment = {k: v for k, v in os.environ.items() if k != gpu.VISIBLE}
    environment.update(PYTHONPATH=SOURCE, DISTILSCOPE_GPUS=devices, **variables)
    return subprocess.Popen(
        [sys.executable, "-S", "-c", JOB, name, str(count), str(seconds), str(folder)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def diary(folder):
    """(name, ids, begin, end) of each job that ended well."""
    lines = (folder / "diary").read_text().split("\n")[:-1]
    found = [line.split() for line in lines]
    return [(name, ids.split(","), float(begin), float(end)) for name, ids, begin, end in found]


def overlaps(entries):
    """Pairs of jobs that had a device in common at the same time."""
    return [
        (one[0], other[0])
        for position, one in enumerate(entries)
        for other in entries[position + 1 :]
        if set(one[1]) & set(other[1]) and one[2] < other[3] and other[2] < one[3]
    ]


def finish(jobs):
    for job in jobs:
        _, complaint = job.communicate(timeout=60)
        assert job.returncode == 0, complaint


def test_fifty_jobs_on_three_slots_never_share_one_and_all_finish(tmp_path):
    finish([start(tmp_path, f"job{n}") for n in range(50)])
    entries = diary(tmp_path)
    assert len({name for name, *_ in entries}) == 50
    assert overlaps(entries) == []
    assert {ids[0] for _, ids, *_ in entries} == {"0", "1", "2"}
    assert not list((tmp_path / "locks").glob("*.ticket"))


def test_fifty_jobs_of_which_many_are_killed_never_share_a_slot_and_the_others_finish(tmp_path):
    """Every third is killed as it gets its device, or while it waits."""
    jobs = {f"job{n}": start(tmp_path, f"job{n}", seconds=0.05) for n in range(50)}
    doomed = {name: job for number, (name, job) in enumerate(jobs.items()) if number % 3 == 0}
    for number, (name, job) in enumerate(doomed.items()):
        if number % 2:
            wait_until(lambda name=name: (tmp_path / f"{name}.begun").exists())
        job.kill()
        job.communicate()
    finish(jobs[name] for name in jobs if name not in doomed)
    entries = diary(tmp_path)
    assert {name for name, *_ in entries} >= jobs.keys() - doomed.keys()
    assert overlaps(entries) == []


def test_jobs_of_one_two_and_three_devices_do_not_wait_in_a_circle(tmp_path):
    finish([start(tmp_path, f"job{n}", count=1 + n % 3) for n in range(24)])
    entries = diary(tmp_path)
    assert Counter(len(ids) for _, ids, *_ in entries) == {1: 8, 2: 8, 3: 8}
    assert all(len(set(ids)) == len(ids) for _, ids, *_ in entries)
    assert overlaps(entries) == []


def test_a_job_of_all_devices_is_not_overtaken_by_small_ones(tmp_path):
    first = start(tmp_path, "first", seconds=0.5)
    wait_until((tmp_path / "first.begun").exists)
    large = start(tmp_path, "large", count=3)
    wait_until(lambda: list((tmp_path / "locks").glob("*.ticket")))
    finish([first, large, *[start(tmp_path, f"small{n}") for n in range(4)]])
    begun = {name: begin for name, _, begin, _ in diary(tmp_path)}
    assert all(begun["large"] < begun[f"small{n}"] for n in range(4))


def test_a_killed_job_frees_its_device_and_a_killed_waiter_its_place(tmp_path):
    owner = start(tmp_path, "owner", seconds=600, devices="7")
    wait_until((tmp_path / "owner.begun").exists)
    waiter = start(tmp_path, "waiter", devices="7")
    wait_until(lambda: list((tmp_path / "locks").glob("*.ticket")))
    next_one = start(tmp_path, "next", devices="7")
    wait_until(lambda: len(list((tmp_path / "locks").glob("*.ticket"))) == 2)
    for killed in (waiter, owner):
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
    finish([next_one])
    assert [(name, ids) for name, ids, *_ in diary(tmp_path)] == [("next", ["7"])]


def test_a_list_of_the_users_limits_the_choice(tmp_path):
    jobs = [start(tmp_path, f"job{n}", CUDA_VISIBLE_DEVICES="5,GPU-8b") for n in range(4)]
    finish(jobs)
    entries = diary(tmp_path)
    assert {ids[0] for _, ids, *_ in entries} <= {"5", "GPU-8b"}
    assert overlaps(entries) == []


def test_the_choice_of_a_clusters_scheduler_is_taken_without_a_lock(tmp_path):
    """Two nodes both call their device 0: jobs there must not wait for each other."""
    granted = {"CUDA_VISIBLE_DEVICES": "0", gpu.CLUSTER_JOB: "1"}
    finish([start(tmp_path, f"job{n}", seconds=1.0, **granted) for n in range(2)])
    assert [ids for _, ids, *_ in diary(tmp_path)] == [["0"], ["0"]]
    assert not (tmp_path / "locks").exists()


@pytest.mark.parametrize(
    ("count", "devices", "sentence"),
    [
        (2, "0", r"needs 2 GPUs and the machine shows 1 \(0\)"),
        (1, "", "needs 1 GPU and the machine shows none"),
        (0, "0", r"given none: raise the cap \(--resources gpu=1\)"),
    ],
)
def test_what_can_not_be_had_is_refused_with_a_sentence(tmp_path, count, devices, sentence):
    job = start(tmp_path, "job", count=count, devices=devices)
    _, complaint = job.communicate(timeout=60)
    assert job.returncode != 0
    assert re.search(sentence, complaint), complaint


def test_devices_are_listed_as_cuda_reads_the_variable(tmp_path):
    assert gpu.devices({gpu.VISIBLE: "2, 0"}, tmp_path) == ("2", "0")
    assert gpu.devices({gpu.VISIBLE: ""}, tmp_path) == ()
    assert gpu.devices({gpu.VISIBLE: "1,-1,2"}, tmp_path) == ("1",)
    assert gpu.devices({gpu.VISIBLE: "NoDevFiles"}, tmp_path) == ()
    assert gpu.devices({gpu.VISIBLE: "3", gpu.LISTED: "0,1"}, tmp_path) == ("3",)
    assert gpu.devices({gpu.LISTED: "0,1"}, tmp_path) == ("0", "1")


def test_devices_are_counted_from_the_drivers_entries(tmp_path):
    assert gpu.devices({}, tmp_path / "nowhere") == ()
    for bus in ("0000:17:00.0", "0000:ca:00.0"):
        (tmp_path / bus).mkdir()
    assert gpu.devices({}, tmp_path) == ("0", "1")


def test_a_process_that_has_imported_torch_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", object())
    monkeypatch.setenv(gpu.LISTED, "0")
    with pytest.raises(RuntimeError, match="before torch is imported"), gpu.held(1, tmp_path):
        pass


# What a script of the workflow does with its rule's resources, without Snakemake.
SCRIPT = """
import sys
from pathlib import Path
from types import SimpleNamespace
from distilscope.planning.job import Job
from distilscope.workflow.script import run

folder = Path(sys.argv[1])
sys.path.insert(0, str(folder))
job = Job("model", "tiny", "0" * 12, {"threads": 1}, {}, folder / "made")
run(
    SimpleNamespace(
        params=SimpleNamespace(job=job.to_json()),
        resources={"device": sys.argv[2], "gpu": int(sys.argv[3])},
        threads=1,
        log=[str(folder / "job.log")],
        rule="model",
    ),
    "recorder:record",
)
"""

RECORDER = """
import os

def record(job):
    print(job.device, os.environ.get("CUDA_VISIBLE_DEVICES"))
"""


@pytest.mark.parametrize(
    ("device", "asked", "code", "printed", "logged"),
    [
        ("cuda", 1, 0, "cuda 4", "GPU 4 is held by this job"),
        ("cuda", 2, 0, "cuda 4,6", "GPU 4,6 is held by this job"),
        ("cuda", 0, 1, "", "was given none"),
        ("cuda", 3, 1, "", "needs 3 GPUs and the machine shows 2 (4, 6)"),
        ("cpu", 0, 0, "cpu None", ""),
    ],
)
def test_a_script_holds_what_its_rule_asks_for(tmp_path, device, asked, code, printed, logged):
    (tmp_path / "recorder.py").write_text(RECORDER)
    environment = {k: v for k, v in os.environ.items() if k != gpu.VISIBLE}
    environment.update(PYTHONPATH=SOURCE, DISTILSCOPE_GPUS="4,6", TMPDIR=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), device, str(asked)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stderr
    assert done.stdout.strip() == printed
    assert logged in (tmp_path / "job.log").read_text()
