"""What profiles ask a cluster for, read from dry runs: no cluster and no plugin is needed."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ..mounting import mounted
from .clone import REPOSITORY, Clone
from .editing import texts

pytestmark = pytest.mark.usefixtures("no_gpu_but_listed_ones")

CLUSTERS = ("slurm", "generic", "kubernetes")

# Stands in for an executor's plugin: it takes the options that profiles have for it and submits
# nothing.
PLUGIN = """
from dataclasses import dataclass, field
from typing import Optional
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.settings import CommonSettings, ExecutorSettingsBase

common_settings = CommonSettings(
    non_local_exec=True, implies_no_shared_fs=False, job_deploy_sources=False
)


@dataclass
class ExecutorSettings(ExecutorSettingsBase):
{options}


class Executor(RemoteExecutor):
    pass
"""
OPTION = '    {name}: {kind} = field(default={default}, metadata={{"help": "-"}})'


def profile_of(name: str) -> dict:
    return yaml.safe_load((REPOSITORY / f"profiles/{name}/config.yaml").read_text())


def pretend(folder: Path, executor: str) -> None:
    """A plugin in `folder` that takes the options which some profile has for that executor."""
    options = {}
    for profile in map(profile_of, CLUSTERS):
        for key, value in profile.items():
            if key.startswith(f"{executor}-"):
                name = key.removeprefix(f"{executor}-").replace("-", "_")
                flag = isinstance(value, bool)
                kind = "bool" if flag else f"Optional[{type(value).__name__}]"
                options[name] = OPTION.format(name=name, kind=kind, default=False if flag else None)
    package = folder / f"snakemake_executor_plugin_{executor.replace('-', '_')}"
    package.mkdir()
    text = PLUGIN.format(options="\n".join(options.values()))
    (package / "__init__.py").write_text(text)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    made = Clone(tmp_path_factory.mktemp("clone"))
    (made.folder / "plugins").mkdir()
    for executor in {profile_of(name)["executor"] for name in CLUSTERS}:
        pretend(made.folder / "plugins", executor)
    return made


def dry_run(clone, profile: str, *arguments: str, device: str) -> tuple[int, str]:
    """A dry run of the study with that device and a profile of this repository."""
    clone.configuration["device"] = device
    clone.write()
    options = ("--dry-run", "--workflow-profile", f"profiles/{profile}", *arguments)
    done = clone.snakemake(*options, PYTHONPATH=str(clone.folder / "plugins"))
    return done.returncode, done.stdout + done.stderr


def jobs_of(text: str) -> Iterator[tuple[str, str]]:
    """The jobs that a dry run tells of: rule, and all that it says of the job."""
    for block in re.split(r"\n(?=(?:local)?rule \w+:)", text)[1:]:
        yield re.match(r"(?:local)?rule (\w+):", block).group(1), block


def asked(text: str) -> dict[str, set[tuple[int, int, int]]]:
    """What the jobs of a dry run ask for, by rule: GPUs, MB and minutes."""
    found: dict[str, set[tuple[int, int, int]]] = {}
    for rule, block in jobs_of(text):
        numbers = dict(re.findall(r"\b(gpu|mem_mb|runtime)=(\d+)", block))
        values = tuple(int(numbers.get(name, 0)) for name in ("gpu", "mem_mb", "runtime"))
        found.setdefault(rule, set()).add(values)
    return found


def test_the_lowest_snakemake_of_the_range_finds_the_profiles():
    """9.12 looks for `config.yaml` alone, and starts nothing where a profile has none; newer ones
    know it beside `profile.yaml`."""
    folders = sorted((REPOSITORY / "profiles").iterdir())
    assert folders and [each for each in folders if not (each / "config.yaml").is_file()] == []


@pytest.mark.parametrize("profile", CLUSTERS)
def test_on_a_cluster_what_computes_on_tensors_asks_for_one_gpu_and_nothing_else_does(
    clone, profile
):
    """The machine that plans has none: that is the cluster's affair."""
    code, text = dry_run(clone, profile, device="cuda")
    assert code == 0, text
    jobs = asked(text)
    on_gpus = {rule for rule, resources in jobs.items() if any(gpus for gpus, *_ in resources)}
    observing = {"observation", "teacher_observation"}
    assert on_gpus == {"networks", "teacher", "model", "targets", *observing}
    assert jobs["teacher"] == {(1, 3000, 1440)}
    assert jobs["comparison"] == {(0, 3000, 60)}


def test_jobs_of_a_large_language_model_ask_for_the_memory_of_its_parameters(clone, monkeypatch):
    """Of 85 million in its layers, by the description of a folder; the student has 4,000."""
    raw = {}
    texts(raw)
    raw["teachers"]["expert"] |= {"architecture": "transformers", "settings": {"folder": "large"}}
    raw["grid"].append({"objective": "seq-kd", "students": ["small"]})
    monkeypatch.setattr(clone, "configuration", raw)
    (clone.folder / "large").mkdir()
    sizes = {"model_type": "llama", "hidden_size": 768, "num_hidden_layers": 12}
    (clone.folder / "large/config.json").write_text(
        json.dumps({**sizes, "intermediate_size": 2048})
    )
    code, text = dry_run(clone, "slurm", device="cpu")
    assert code == 0, text
    asks = {rule: max(memory for _, memory, _ in jobs) for rule, jobs in asked(text).items()}
    parameters = 12 * 768 * (4 * 768 + 3 * 2048) / 1e6
    read, trained = int(3000 + 8 * parameters), int(3000 + 32 * parameters)
    assert (asks["teacher"], asks["networks"], asks["model"]) == (trained, trained, 3000)
    assert asks["targets"] == asks["generations"] == asks["teacher_observation"] == read
    assert asks["observation"] == asks["comparison"] == asks["texts"] == 3000


def test_what_others_wait_for_goes_first_and_what_is_short_last(clone):
    """The teacher and its twin are `resnet18` here, and every comparison waits for both."""
    _, text = dry_run(clone, "slurm", device="cpu")
    found: dict[str, set[int]] = {}
    for rule, block in jobs_of(text):
        awaited = "wildcards: observation=resnet18-" in block
        priority = re.search(r"priority: (\d+)", block)
        found.setdefault("awaited" if awaited else rule, set()).add(
            int(priority.group(1)) if priority else 0
        )
    order = ["teacher", "awaited", "targets", "model", "observation", "comparison"]
    priorities = [found[kind] for kind in order]
    assert all(len(values) == 1 for values in priorities)
    assert sorted((max(values) for values in priorities), reverse=True) == [
        max(values) for values in priorities
    ]
    assert len(set.union(*priorities)) == len(order)


def test_a_study_on_processors_asks_a_cluster_for_no_gpu(clone):
    code, text = dry_run(clone, "slurm", device="cpu")
    assert code == 0, text
    assert all(gpus == 0 for resources in asked(text).values() for gpus, *_ in resources)


@pytest.mark.parametrize("profile", CLUSTERS)
def test_a_cap_of_no_gpu_is_refused_on_a_cluster_too(clone, profile):
    code, text = dry_run(clone, profile, "--resources", "gpu=0", device="cuda")
    assert code == 1
    assert "gpu=0 leaves the jobs on GPUs none; give at least gpu=1, or set `device: cpu`" in text
    assert "Traceback" not in text


def test_auto_is_refused_where_other_machines_run_the_jobs(clone):
    code, text = dry_run(clone, "slurm", device="auto")
    assert code == 1
    assert "device: auto looks at this machine, and the executor 'slurm' runs the jobs" in text


def test_a_profile_whose_plugin_is_not_installed_is_refused(clone):
    if importlib.util.find_spec("snakemake_executor_plugin_slurm"):
        pytest.skip("the plugin is installed here")
    done = clone.snakemake("--dry-run", "--workflow-profile", "profiles/slurm")
    assert done.returncode != 0
    assert "invalid choice: 'slurm'" in done.stdout + done.stderr


def test_every_profile_plans_by_the_same_rules():
    """What is made again, and what is not, is the same on a laptop and on any cluster."""
    keys = ("rerun-triggers", "max-checksum-file-size", "rerun-incomplete", "ignore-incomplete")
    found = {name: [profile_of(name)[key] for key in keys] for name in ("default", *CLUSTERS)}
    assert set(map(str, found.values())) == {str([["mtime"], 0, True, True])}, found


def test_a_cluster_s_jobs_are_tried_again_and_its_gpus_are_capped():
    for name in CLUSTERS:
        profile = profile_of(name)
        assert profile["retries"] >= 1, name
        assert profile["resources"]["gpu"] >= 1, name
        assert profile["show-failed-logs"] is True, name


def test_slurm_s_partitions_have_room_for_the_last_attempt_of_every_rule():
    """Else the last retry would go nowhere. A rule asks for `attempt` times its first runtime."""
    partitions = yaml.safe_load((REPOSITORY / "profiles/slurm/partitions.yaml").read_text())
    attempts = 1 + profile_of("slurm")["retries"]
    text = "".join(path.read_text() for path in sorted((REPOSITORY / "rules").glob("*.smk")))
    minutes = [int(n) for n in re.findall(r"runtime=(?:lambda[^:]*: )?(\d+)", text)]
    assert len(minutes) >= 10
    for name, limits in partitions["partitions"].items():
        assert limits["max_runtime"] >= attempts * max(minutes), name
    assert max(limits.get("max_gpu", 0) for limits in partitions["partitions"].values()) >= 1


@pytest.fixture
def read_only(clone):
    """The clone with results/ on a file system that nobody can write."""
    with mounted(clone.folder / "results", "ro"):
        yield clone


def test_results_that_can_not_be_written_are_named_and_are_planned_all_the_same(read_only):
    read_only.configuration["device"] = "cpu"
    read_only.write()
    assert "dataset fashion-mnist-subset" in read_only.plan()
    done = read_only.snakemake("--cores", "1")
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "Failed to create output directory results/store/datasets/fashion-mnist-subset." in said
    assert "Read-only file system: 'results/store'" in said
    assert "Traceback" not in said
