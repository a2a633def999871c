"""The start of the workflow: from what Snakemake was given to the study and its device."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distilscope import registry
from distilscope.configuration import files
from distilscope.configuration.study import Configuration, parse
from distilscope.planning.study import Study
from distilscope.workflow import gpu
from distilscope.workflow.machine import LOCAL_EXECUTORS, executor_of, resolve_device
from distilscope.workflow.settled import settle

AT_THE_END = 4
# Snakemake's own limit: jobs, seconds
DEFAULT_RATE = (100, 1)


@dataclass(frozen=True)
class Started:
    """A study that a workflow runs.

    Attributes:
        configuration: parsed.
        device: `cpu` or `cuda`, resolved.
        study: its plan.
        local: whether the jobs run on this machine.
        gpu_cap: how many GPUs all jobs may have at once; None is no cap.
    """

    configuration: Configuration
    device: str
    study: Study
    local: bool
    gpu_cap: int | None = None

    @property
    def measured_here(self) -> bool:
        """Whether the jobs run on this machine's processor, whose speed can be measured."""
        return self.local and self.device == "cpu"

    @property
    def gpus(self) -> int:
        """How many GPUs a job that computes asks for."""
        return 1 if self.device == "cuda" else 0

    @property
    def processes(self) -> int:
        """How many processes a job works with that comes alone, at the end; Snakemake gives it no
        more than there are cores. A cluster may have no node with as many: there it is one.
        """
        return AT_THE_END if self.local else 1


def check_files(workflow: Any, default: str) -> None:
    """Read the configuration files as they are typed, before Snakemake merges them.

    Snakemake keeps the last of two equal keys without a word.

    Raises:
        ConfigurationError: one of them can't be read, or has a key twice.
    """
    if workflow.is_main_process:
        for file in workflow.config_settings.configfiles or [default]:
            files.read(file)


def start(raw: Mapping[str, Any], workflow: Any) -> Started:
    """The study of a configuration, for the `workflow` that a Snakefile sees while it is read.

    A variable says to a job of a cluster that the scheduler chose its GPUs.
    With `allow_code` the working directory, where the user's own modules lie, is searched for
    modules from here on, by this process and by every job.

    Raises:
        ValueError, OSError: what of the configuration, or of the command, can't be used.
    """
    root = Path(workflow.basedir)
    if workflow.remote_exec:
        os.environ[gpu.CLUSTER_JOB] = "1"
    executor = executor_of(sys.argv[1:], root)
    cap = gpu_cap(workflow.global_resources)
    configuration = parse(raw)
    if configuration.allow_code:
        os.environ[registry.EXTENSIONS] = ":".join(configuration.extensions)
        known = [os.environ.get("PYTHONPATH", ""), os.getcwd()]
        os.environ["PYTHONPATH"] = os.pathsep.join(path for path in known if path)
    device = resolve_device(configuration.device, executor, cap)
    study = settle(configuration, device, root, quiet=workflow.remote_exec)
    return Started(configuration, device, study, executor in LOCAL_EXECUTORS, cap)


def gpu_cap(resources: Mapping[str, Any]) -> int | None:
    """How many GPUs all jobs may have at once, by Snakemake's resources; None is no cap.

    Later versions of Snakemake 9 wrap each number; 9.12 has it plain.
    """
    found = resources.get("gpu")
    return getattr(found, "value", found)


def drop_default_rate_limit(workflow: Any) -> None:
    """Takes Snakemake's default limit of 100 jobs a second away; a limit that a user set stays.

    Under a limit Snakemake 9 looks at its queue once a second more for every job that has ended: in
    a study of 300 models, hundreds of times a second, at the cost of a core.
    """
    limit = workflow.scheduling_settings.max_jobs_per_timespan
    if (limit.max_jobs, limit.timespan) == DEFAULT_RATE:
        workflow.scheduler.job_rate_limiter = None
