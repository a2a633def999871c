"""Snakemake over a SLURM of the tests' own: started as on a login node, and what becomes of it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests import jobs

from .slurm import Slurm, succeed

REPOSITORY = Path(__file__).resolve().parents[2]
GIVE_UP_SECONDS = 900
ACTIVE = {"PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "COMPLETING"}
QUICKLY = ("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10")
"""Tests don't wait as long as a shared cluster's controller likes it."""


def environment_with(folder: Path, *extras: str) -> Path:
    """The Python of an environment that has optional extras above what this one has.

    Raises:
        Unavailable: the packages can't be had.
    """
    python = folder / "bin/python"
    succeed(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    below = Path(sysconfig.get_paths(vars={"base": str(folder)})["purelib"])
    below.joinpath("below.pth").write_text(sysconfig.get_paths()["purelib"])
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = [name for extra in extras for name in project["optional-dependencies"][extra]]
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    exactly = ("-c", REPOSITORY / "constraints.txt")
    succeed(*pip, "install", "--quiet", *exactly, *wanted, cwd=folder)
    return python


@dataclass(frozen=True)
class Run:
    """A snakemake that submits the jobs of the study in `folder`."""

    folder: Path
    process: subprocess.Popen

    def said(self) -> str:
        """All that it has printed."""
        return (self.folder / "snakemake.log").read_text(errors="replace")

    def wait(self) -> tuple[int, str]:
        """Its exit status and what it said."""
        return self.process.wait(timeout=GIVE_UP_SECONDS), self.said()

    def until(self, there: Callable[[], object]) -> object:
        """Wait for something to come true while it runs; what it is then."""
        end = time.monotonic() + GIVE_UP_SECONDS
        while not (found := there()):
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.05)
        return found

    def interrupt(self) -> None:
        """Do what Ctrl-C does to snakemake, which is the child of `timeout`."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        os.kill(int(children.read_text().split()[0]), signal.SIGINT)

    def stop(self) -> None:
        """End it and what it started, at once."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@dataclass(frozen=True)
class Login:
    """Where snakemake is started: a Python with the plugins, and the cluster that it sees."""

    python: Path
    slurm: Slurm

    def start(self, folder: Path, *arguments: str, profile: str = "slurm") -> Run:
        """Snakemake over the study in `folder`, ended by `timeout` whatever becomes of us."""
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        command = [
            *("timeout", "-k", "10", str(GIVE_UP_SECONDS), str(self.python), "-m", "snakemake"),
            *("--snakefile", str(REPOSITORY / "Snakefile")),
            *("--workflow-profile", str(REPOSITORY / "profiles" / profile)),
            *("--configfile", str(folder / "study.yaml"), "--directory", str(folder)),
            *arguments,
        ]
        with open(folder / "snakemake.log", "a") as log:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env={**environment, **self.slurm.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Run(folder, process)

    def run(self, folder: Path, *arguments: str, profile: str = "slurm") -> tuple[int, str]:
        """Snakemake to its end: exit status and what it said."""
        return self.start(folder, *arguments, profile=profile).wait()

    def jobs(self, **wanted: str) -> list[Job]:
        """The jobs that SLURM knows of, oldest first, whose facts are as wanted."""
        blocks = self.slurm.run("scontrol", "--details", "show", "job").split("\n\n")
        facts = [dict(re.findall(r"(\S+?)=(\S*)", block)) for block in blocks if "JobId" in block]
        found = [Job(int(fact["JobId"]), fact) for fact in facts]
        chosen = [job for job in found if wanted.items() <= job.facts.items()]
        return sorted(chosen, key=lambda job: job.number)

    def wait_until_ended(self, folder: Path) -> None:
        """Wait until no job of the study in that folder waits or runs."""
        end = time.monotonic() + GIVE_UP_SECONDS
        while any(job.facts["JobState"] in ACTIVE for job in self.jobs(WorkDir=str(folder))):
            assert time.monotonic() < end, self.slurm.run("squeue")
            time.sleep(0.2)


@dataclass(frozen=True)
class Job:
    """What SLURM says of a job.

    Attributes:
        facts: in SLURM's words: JobState, Partition, TimeLimit, Restarts, Comment ...
    """

    number: int
    facts: dict[str, str]

    @property
    def rule(self) -> str:
        """The rule of the workflow that it does."""
        return self.facts.get("Comment", "").removeprefix("rule_").partition("_wildcards_")[0]

    @property
    def gpus(self) -> int:
        """How many GPUs it asked for."""
        return int(self.facts.get("TresPerJob", "gres:gpu:0").rpartition(":")[2])

    @property
    def memory(self) -> str:
        """What it asked for."""
        return self.facts.get("MinMemoryNode", "")


def visible_devices(rule: str, folder: Path) -> dict[int, str]:
    """CUDA_VISIBLE_DEVICES of the jobs of a rule in that folder which run now, by process."""
    found = {}
    for job in jobs.of_rule(rule, psutil.process_iter(), folder):
        with contextlib.suppress(psutil.Error):
            found[job.pid] = job.environ().get("CUDA_VISIBLE_DEVICES", "")
    return found
