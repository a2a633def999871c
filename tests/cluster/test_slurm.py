"""The workflow on a real SLURM: what jobs ask for and get, and what a lost job costs."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from distilscope.workflow import gpu
from tests.reliability import killing, studies

from .slurm import DEVICES, NODE
from .submitting import QUICKLY, Job, Login, visible_devices

pytestmark = pytest.mark.long(2)

ASKING = (
    "--set-resources",
    *(f"{r}:gpu=1" for r in ("networks", "teacher", "model", "targets", "observation")),
)
"""What `device: cuda` asks for, for jobs that compute on the processor."""


# ------------------------------------------------------------------------------ a whole study

TINY = yaml.safe_load((studies.REPOSITORY / "tests/end_to_end/tiny.yaml").read_text())
"""A teacher, its twin, two students, a control and a floor, with every explanation method."""


@dataclass(frozen=True)
class Submitted:
    """A study that ran on the cluster.

    Attributes:
        at_once: the devices of trainings, each time that several were seen to run at once.
        jobs: what SLURM says of its jobs, by rule.
    """

    folder: Path
    status: int
    said: str
    at_once: list[list[str]]
    jobs: dict[str, list[Job]]


@pytest.fixture(scope="module")
def submitted(login, tmp_path_factory) -> Submitted:
    folder = studies.begin(tmp_path_factory.mktemp("submitted"), TINY)
    run, seen = login.start(folder, *QUICKLY, *ASKING), []
    try:
        while run.process.poll() is None:
            devices = visible_devices("model", folder)
            if len(devices) > 1:
                seen.append(sorted(devices.values()))
            time.sleep(0.2)
        status, said = run.wait()
    finally:
        run.stop()
    jobs: dict[str, list[Job]] = {}
    for job in login.jobs(WorkDir=str(folder)):
        jobs.setdefault(job.rule, []).append(job)
    return Submitted(folder, status, said, seen, jobs)


def test_a_study_ends_with_the_bits_of_a_local_run(submitted, tmp_path):
    assert submitted.status == 0, submitted.said
    studies.make_all(studies.plan(TINY), tmp_path)
    assert len(studies.digests(tmp_path)) > 80
    assert studies.digests(submitted.folder) == studies.digests(tmp_path)
    assert (submitted.folder / "results/tiny/report.html").stat().st_size > 0


def test_trainings_that_run_at_once_have_a_gpu_each(submitted):
    assert submitted.at_once, "no two trainings were seen at once"
    assert {tuple(devices) for devices in submitted.at_once} == {("0", "1")}


def test_jobs_ask_for_what_their_rules_say(submitted):
    asked = {
        rule: {(j.facts["Partition"], j.memory, j.facts["TimeLimit"], j.gpus) for j in jobs}
        for rule, jobs in submitted.jobs.items()
    }
    assert asked["teacher"] == asked["model"] == {("gpu", "3000M", "1-00:00:00", 1)}
    assert asked["observation"] == {("gpu", "3000M", "04:00:00", 1)}
    assert asked["comparison"] == {("cpu", "3000M", "01:00:00", 0)}
    assert "publish" not in asked  # it copies files, where snakemake runs


def test_a_studys_own_cap_of_one_gpu_runs_one_training_after_another(login, begun):
    """Without it teacher and twin train at once: SLURM has two GPUs."""
    study, folder = begun(teachers__teacher__twins=[2])
    wanted = [str(model.artefact.folder / "run.json") for model in study.models]
    status, said = login.run(folder, *QUICKLY, *ASKING, "--resources", "gpu=1", "--", *wanted)
    assert status == 0, said
    jobs = login.jobs(WorkDir=str(folder))
    assert [job.rule for job in jobs].count("teacher") == 2
    assert {job.gpus for job in jobs} == {1}
    assert len(jobs) == 4
    times = [(job.facts["SubmitTime"], job.facts["EndTime"]) for job in jobs]
    for (_, ended), (submitted, _) in itertools.pairwise(times):
        assert ended <= submitted, times


# ---------------------------------------------------------------------------- jobs that are lost

LONGER = {"study": "longer", "recipes__teacher__epochs": 240}


def cancel(login: Login, job: Job) -> None:
    login.slurm.run("scancel", str(job.number))


def preempt(login: Login, job: Job) -> None:
    """Somebody's job of a higher priority wants all GPUs for a moment."""
    urgent = ("--partition=urgent", f"--gpus={len(DEVICES)}", "--mem=100", "--output=/dev/null")
    login.slurm.run("sbatch", *urgent, "--wrap", "true")


def lose_node(login: Login, job: Job) -> None:
    login.slurm.run("scontrol", "update", f"NodeName={NODE}", "State=DOWN", "Reason=lost")
    login.slurm.run("scontrol", "update", f"NodeName={NODE}", "State=RESUME")


@pytest.mark.parametrize("disturb", [cancel, preempt, lose_node])
def test_a_training_that_is_lost_goes_on_from_its_checkpoint(login, begun, disturb):
    study, folder = begun(**LONGER)
    teacher = study.models[0].artefact
    run = login.start(folder, *QUICKLY, *ASKING, "--", str(teacher.folder / "run.json"))
    try:
        run.until(lambda: killing.newest_checkpoint(folder, teacher.name))
        (job,) = login.jobs(WorkDir=str(folder), JobState="RUNNING")
        disturb(login, job)
        run.until(lambda: not visible_devices("model", folder))
        kept = killing.newest_checkpoint(folder, teacher.name)
        status, said = run.wait()
    finally:
        run.stop()
    assert status == 0, said
    facts = json.loads((folder / teacher.folder / "run.json").read_text())["facts"]
    assert facts["resumed_from"] == kept is not None
    with studies.inside(folder.parent):
        studies.make_up_to(study, teacher)
    assert studies.digests(folder) == studies.digests(folder.parent)

    jobs = login.jobs(WorkDir=str(folder))
    asked = [(job.memory, job.facts["TimeLimit"], job.facts["Restarts"]) for job in jobs]
    if disturb is cancel:  # another job, which asks for more
        assert asked == [("3000M", "1-00:00:00", "0"), ("6000M", "2-00:00:00", "0")]
    else:  # the same job, back in the queue
        assert asked == [("3000M", "1-00:00:00", "1")]


def test_control_c_leaves_nothing_in_the_queue_and_the_next_run_goes_on(login, begun):
    """Two trainings run and one waits. The plugin forgets a job whose state it asks for."""
    study, folder = begun(**LONGER, teachers__teacher__twins=[2, 3])
    teachers = [m.artefact for m in study.models if m.role in ("teacher", "twin")]
    wanted = [str(teacher.folder / "run.json") for teacher in teachers]
    seldom = ("--slurm-init-seconds-before-status-checks", "90")
    run = login.start(folder, *seldom, *ASKING, "--", *wanted)
    try:
        run.until(
            lambda: sum(bool(killing.newest_checkpoint(folder, t.name)) for t in teachers) == 2
        )
        before = [job.facts["JobState"] for job in login.jobs(WorkDir=str(folder))]
        run.interrupt()
        status, said = run.wait()
    finally:
        run.stop()
    assert sorted(before) == ["PENDING", "RUNNING", "RUNNING"]
    assert status != 0
    assert "Terminating processes on user request" in said
    login.wait_until_ended(folder)
    assert {j.facts["JobState"] for j in login.jobs(WorkDir=str(folder))} == {"CANCELLED"}
    assert visible_devices("model", folder) == {}

    begun_one = next(t for t in teachers if killing.newest_checkpoint(folder, t.name))
    kept = killing.newest_checkpoint(folder, begun_one.name)
    status, said = login.run(folder, *QUICKLY, *ASKING, "--", str(begun_one.folder / "run.json"))
    assert status == 0, said
    facts = json.loads((folder / begun_one.folder / "run.json").read_text())["facts"]
    assert facts["resumed_from"] == kept


# -------------------------------------------------------------------------- what goes wrong


def test_jobs_wait_in_a_queue_that_is_full_and_then_hold_the_gpus_they_were_given(login, begun):
    """`device: cuda` itself, as far as a machine without GPUs lets it: up to the first tensor."""
    if gpu.devices():
        pytest.skip("this machine has a GPU, and SLURM's are pretended")
    study, folder = begun(device="cuda", teachers__teacher__twins=[2])
    teachers = [model.artefact for model in study.models if model.artefact.kind == "model"][:2]
    login.slurm.run("scontrol", "update", "PartitionName=gpu", "State=DOWN")
    asked = [str(teacher.folder / "run.json") for teacher in teachers]
    run = login.start(folder, *QUICKLY, "--retries", "0", "--", *asked)
    try:
        run.until(lambda: len(login.jobs(WorkDir=str(folder), JobState="PENDING")) == 2)
        login.slurm.run("scontrol", "update", "PartitionName=gpu", "State=UP")
        status, said = run.wait()
    finally:
        login.slurm.run("scontrol", "update", "PartitionName=gpu", "State=UP")
        run.stop()
    logs = [(folder / f"results/logs/model/{t.name}.log").read_text() for t in teachers]
    held = sorted(log.partition("GPU ")[2].partition(" is held")[0] for log in logs)
    assert held == ["0", "1"]
    assert status == 1
    assert "failed: " in said
    assert "NVIDIA" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--set-resources", "teacher:gpu=3"], "Requested node configuration is not available"),
        (["--default-resources", "slurm_partition=nowhere"], "invalid partition specified"),
        (["--set-resources", "teacher:mem_mb=1000000"], "Requested node configuration is not avai"),
        (["--resources", "gpu=0"], "gpu=0 leaves the jobs on GPUs none"),
    ],
    ids=["more GPUs than exist", "no such partition", "more memory than exists", "a cap of 0"],
)
def test_what_the_cluster_can_not_give_is_said_and_nothing_is_lost(
    login, begun, arguments, sentence
):
    study, folder = begun(device="cuda")
    before = studies.digests(folder)
    wanted = str(study.models[0].artefact.folder / "run.json")
    status, said = login.run(folder, *QUICKLY, "--retries", "0", *arguments, "--", wanted)
    assert status == 1
    assert sentence in said
    assert studies.digests(folder) == before


# -------------------------------------------------------------------------- other executors

SBATCH = "sbatch --parsable --job-name={rule} --mem={resources.mem_mb} --time={resources.runtime}"


def test_the_generic_profile_submits_by_any_command(login, begun):
    """With SLURM's own as the command: the profile's is another scheduler's."""
    study, folder = begun()
    teacher = study.models[0].artefact
    with studies.inside(folder.parent):
        studies.make_up_to(study, teacher)
    status, said = login.run(
        folder,
        *("--cluster-generic-submit-cmd", SBATCH, "--cluster-generic-cancel-cmd", "scancel"),
        *("--latency-wait", "10", "--", str(teacher.folder / "run.json")),
        profile="generic",
    )
    assert status == 0, said
    assert studies.digests(folder) == studies.digests(folder.parent)
    (job,) = login.jobs(WorkDir=str(folder), JobName="teacher")
    assert (job.memory, job.facts["TimeLimit"]) == ("3000M", "1-00:00:00")


@pytest.mark.parametrize("profile", ["slurm", "generic", "kubernetes"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_profile_plans_with_the_plugins_that_it_names(login, begun, profile, device):
    _, folder = begun(device=device)
    status, said = login.run(folder, "--dry-run", profile=profile)
    assert status == 0, said
    assert ("gpu=1" in said) == (device == "cuda")
