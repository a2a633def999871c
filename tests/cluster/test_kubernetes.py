"""The Kubernetes profile, with a kubectl that runs the Jobs' commands here: no cluster is asked."""

from __future__ import annotations

import os
import subprocess

import pytest
import yaml

from tests.reliability import studies

from .submitting import REPOSITORY

pytestmark = pytest.mark.long(2)

# Keeps each Job as files <name>.yaml and, once it has ended, <name>.succeeded or <name>.failed.
KUBECTL = """#!{python}
import os, subprocess, sys, yaml
from pathlib import Path

jobs, verb = Path("{jobs}"), sys.argv[1]
if verb == "create":
    text = sys.stdin.read()
    name = f"distilscope-{{len(list(jobs.glob('*.yaml')))}}"
    (jobs / f"{{name}}.yaml").write_text(text)
    pod = yaml.safe_load(text)["spec"]["template"]["spec"]["containers"][0]
    if os.fork() == 0:
        os.setsid()
        with open(jobs / f"{{name}}.log", "w") as log:
            code = subprocess.call(pod["command"], cwd=pod["workingDir"], stdout=log, stderr=log)
        (jobs / f"{{name}}.{{'failed' if code else 'succeeded'}}").touch()
        os._exit(0)
    print(f"job.batch/{{name}}")
elif verb == "get":
    name = sys.argv[2].rpartition("/")[2]
    done = ["1" if (jobs / f"{{name}}.{{end}}").exists() else "" for end in ("succeeded", "failed")]
    print(f"{{name}} {{'/'.join(done)}}", end="")
"""


@pytest.fixture
def kubectl(plugins, tmp_path, monkeypatch):
    """The folder where the pretended kubectl keeps its Jobs."""
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    program = tmp_path / "bin/kubectl"
    program.parent.mkdir()
    program.write_text(KUBECTL.format(python=plugins, jobs=jobs))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", "")
    return jobs


def snakemake(python, folder, target) -> subprocess.CompletedProcess[str]:
    """In a folder that has the profiles, as a clone has."""
    for part in ("Snakefile", "rules", "profiles", "src", "workflow", "resources", "envs"):
        (folder / part).symlink_to(REPOSITORY / part)
    command = [str(python), "-m", "snakemake", "--workflow-profile", "profiles/kubernetes"]
    limit = ["timeout", "-k", "10", "600"]
    more = ["--configfile", "study.yaml", "--latency-wait", "10", "--retries", "0"]
    return subprocess.run(
        [*limit, *command, *more, "--", str(target)], cwd=folder, capture_output=True, text=True
    )


def test_a_training_runs_as_a_kubernetes_job_with_the_same_bits(kubectl, plugins, begun):
    study, folder = begun()
    teacher = study.models[0].artefact
    with studies.inside(folder.parent):
        studies.make_up_to(study, teacher)
    done = snakemake(plugins, folder, teacher.folder / "run.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert studies.digests(folder) == studies.digests(folder.parent)
    (manifest,) = kubectl.glob("*.yaml")
    pod = yaml.safe_load(manifest.read_text())["spec"]["template"]["spec"]["containers"][0]
    assert pod["workingDir"] == str(folder)
    assert pod["resources"]["limits"] == {"cpu": "1", "memory": "3000M", "nvidia.com/gpu": "0"}


def test_a_kubernetes_job_that_fails_is_noticed(kubectl, plugins, begun):
    """Its images are damaged, so that the training refuses them."""
    study, folder = begun()
    images = folder / studies.in_order(study)[0].folder / "images.safetensors"
    images.write_bytes(images.read_bytes()[:-1])
    teacher = study.models[0].artefact
    done = snakemake(plugins, folder, teacher.folder / "run.json")
    assert done.returncode == 1
    assert "images.safetensors" in done.stdout + done.stderr
    assert [path.suffix for path in kubectl.glob("*ed")] == [".failed"]
