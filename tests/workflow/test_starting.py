"""How a study starts, or does not: devices, executors, caps on GPUs, profiles, locks."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from distilscope.configuration.kinds import ConfigurationError
from distilscope.workflow import gpu
from distilscope.workflow.machine import executor_of, resolve_device
from distilscope.workflow.starting import gpu_cap

from .clone import REPOSITORY, Clone

pytestmark = pytest.mark.usefixtures("no_gpu_but_listed_ones")

# An executor plugin as a cluster's is, which submits nothing.
PLUGIN = """
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.settings import CommonSettings

common_settings = CommonSettings(
    non_local_exec=True, implies_no_shared_fs=False, job_deploy_sources=False
)


class Executor(RemoteExecutor):
    pass
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    made = Clone(tmp_path_factory.mktemp("clone"))
    made.make_outputs()
    package = made.folder / "snakemake_executor_plugin_pretend"
    package.mkdir()
    (package / "__init__.py").write_text(PLUGIN)
    return made


def start(clone, *arguments, device, gpus=""):
    """A dry run of the study with that device where the machine has those GPUs."""
    clone.configuration["device"] = device
    clone.write()
    if "pretend" in arguments:  # one that was loaded before knows no further plugins
        arguments = ("--dry-run", *arguments)
        done = clone.snakemake(*arguments, PYTHONPATH=str(clone.folder), DISTILSCOPE_GPUS=gpus)
    else:
        done = clone.dry_run(*arguments, DISTILSCOPE_GPUS=gpus)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("device", "gpus", "arguments", "sentence"),
    [
        ("cuda", "", [], "device: cuda is asked for and this machine shows no NVIDIA GPU"),
        ("cuda", "0", ["--resources", "gpu=0"], "gpu=0 leaves the jobs on GPUs none"),
        ("cuda", "0,1", ["--resources", "gpu=3"], "gpu=3 is more than the 2 that this machine"),
        ("auto", "", ["--executor", "pretend", "--jobs", "2"], "device: auto looks at this mach"),
        ("cpu", "", ["--workflow-profile", "profiles/big"], "there is no workflow profile"),
    ],
    ids=["no GPU", "cap of 0", "cap too high", "auto on a cluster", "unknown profile"],
)
def test_a_study_that_can_not_run_ends_before_its_first_job(
    clone, device, gpus, arguments, sentence
):
    code, text = start(clone, *arguments, device=device, gpus=gpus)
    assert code == 1
    assert sentence in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("device", "gpus", "arguments"),
    [
        ("cuda", "0", []),
        ("cuda", "", ["--executor", "pretend", "--jobs", "2", "--resources", "gpu=8"]),
    ],
    ids=["one GPU", "a cluster's GPUs"],
)
def test_the_device_changes_no_plan(clone, device, gpus, arguments):
    code, text = start(clone, *arguments, device=device, gpus=gpus)
    assert code == 0, text
    assert "Nothing to be done" in text


@pytest.mark.parametrize(
    ("asked", "gpus", "device"),
    [("auto", "", "cpu"), ("auto", "0", "cuda"), ("cpu", "0", "cpu"), ("cuda", "0", "cuda")],
)
def test_auto_is_the_gpu_where_there_is_one(monkeypatch, asked, gpus, device):
    monkeypatch.setenv(gpu.LISTED, gpus)
    assert resolve_device(asked) == device


def test_the_executor_is_read_from_options_and_profiles(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Snakefile").touch()
    assert executor_of(["-n"]) == "local"
    assert executor_of(["--resources", "gpu=3", "--executor", "touch"]) == "touch"
    (tmp_path / "profiles/default").mkdir(parents=True)
    (tmp_path / "profiles/default/config.yaml").write_text("executor: dryrun\n")
    assert executor_of(["-n"]) == "dryrun"
    assert executor_of(["tests/", "--no-such-option"]) == "local"


@pytest.mark.parametrize("number", [2, SimpleNamespace(value=2)])
def test_a_cap_is_a_number_or_wrapped_as_later_snakemakes_have_it(number):
    """With 9.12 a cap that was too high went by without a word."""
    assert gpu_cap({"_cores": 1, "gpu": number}) == 2
    assert gpu_cap({"_cores": 1}) is None


def test_a_cap_on_gpus_in_a_profile_is_seen(clone):
    own = clone.folder / "profiles/capped"
    own.mkdir()
    (own / "config.yaml").write_text("cores: 1\nresources:\n  gpu: 3\n")
    code, text = start(clone, "--workflow-profile", "profiles/capped", device="cuda", gpus="0,1")
    assert code == 1
    assert "gpu=3 is more than the 2 that this machine shows" in text


def test_a_job_of_a_cluster_is_known_and_trusted_to_have_its_gpu(monkeypatch):
    monkeypatch.setenv(gpu.CLUSTER_JOB, "1")
    executor = executor_of(["--mode", "remote"])
    assert resolve_device("cuda", executor) == "cuda"
    with pytest.raises(ConfigurationError, match="device: auto"):
        resolve_device("auto", executor)


def test_a_snakemake_that_was_loaded_before_says_what_a_fresh_one_says(clone, monkeypatch):
    """Most dry runs of these tests are of a loaded one."""
    clone.configuration["device"] = "cpu"
    clone.write()
    for arguments in (("all",), ("no-such-rule",), ("--forceall", "--quiet", "host")):
        loaded, fresh = clone.dry_run(*arguments), clone.snakemake("--dry-run", *arguments)
        assert loaded.returncode == fresh.returncode
        assert _without_times(loaded.stdout) == _without_times(fresh.stdout)
        assert _without_times(loaded.stderr) == _without_times(fresh.stderr)


def _without_times(text):
    """What Snakemake says, sorted: the order of jobs that may run at once is not fixed."""
    kept = re.sub(r"\[\w{3} \w{3} .*\]", "", text)
    return sorted(re.sub(r"job ?(id)?:? ?\d+|jobid: \d+|jobs?: [\d, ]+", "", kept).splitlines())


def test_two_studies_at_once_in_one_folder_do_not_mix(tmp_path):
    clone = Clone(tmp_path)
    script = clone.folder / "workflow/scripts/dataset.py"
    script.write_text("import time\nopen('begun', 'w').close()\ntime.sleep(60)\n")
    first = subprocess.Popen(
        [sys.executable, "-m", "snakemake", "--cores", "1"],
        cwd=clone.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 60
        while not (clone.folder / "begun").exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        second = clone.snakemake("--cores", "1")
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    assert second.returncode == 1
    assert "Directory cannot be locked" in second.stderr + second.stdout
    assert clone.snakemake("--unlock").returncode == 0


# -------------------------------------------------------------------------------------- profiles

PROFILES = sorted((REPOSITORY / "profiles").glob("*/config.yaml"))
OF_PLUGINS = ("slurm-", "cluster-generic-", "kubernetes-")


@pytest.fixture(scope="module")
def options():
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--help"], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.parent.name)
def test_a_profile_has_options_that_snakemake_knows(path: Path, options):
    profile = yaml.safe_load(path.read_text())
    unknown = [
        key for key in profile if f"--{key}" not in options and not key.startswith(OF_PLUGINS)
    ]
    assert unknown == []


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.parent.name)
def test_a_profile_keeps_plans_free_of_times(path: Path):
    """A workflow profile replaces the default one, so that each has to say it."""
    profile = yaml.safe_load(path.read_text())
    assert profile["rerun-triggers"] == ["mtime"]
    assert profile["max-checksum-file-size"] == 0
    assert profile["resources"]["gpu"] >= 1
    assert profile["rerun-incomplete"] is True


def test_there_is_a_profile_for_each_way_that_is_documented():
    names = {path.parent.name for path in PROFILES}
    assert names == {"default", "slurm", "generic", "kubernetes"}


RATE_LIMITED = """
from distilscope.workflow import starting


onstart:
    starting.drop_default_rate_limit(workflow)
    print("limiter:", workflow.scheduler.job_rate_limiter)


rule all:
    output:
        "made",
    shell:
        "touch {output}"
"""


@pytest.mark.parametrize(("option", "kept"), [([], False), (["100/2s"], True), (["5/1s"], True)])
def test_only_snakemakes_own_limit_on_jobs_a_second_is_dropped(tmp_path, option, kept):
    (tmp_path / "Snakefile").write_text(RATE_LIMITED)
    command = [sys.executable, "-m", "snakemake", "--cores", "1"]
    limit = ["--max-jobs-per-timespan", *option] if option else []
    ended = subprocess.run([*command, *limit], cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ("limiter: None" in ended.stdout) is not kept
    assert (tmp_path / "made").exists()
