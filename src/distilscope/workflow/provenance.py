"""`run.json`: what an artefact is, what it was made from, where, with what, and how long it took.

All of it but the identity and the settings is information: it is recorded and shown, and is
never a reason to run again.
"""

from __future__ import annotations

import csv
import os
import platform
import resource
import socket
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from distilscope import store
from distilscope.planning.job import Job
from distilscope.store import accepted
from distilscope.workflow import progress

RECORDED_PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "safetensors",
    "snakemake",
    "matplotlib",
)
WHERE_USED = ("transformers", "tokenizers")
"""Of optional extras: recorded by the jobs that have imported them."""

KEPT = (
    *("kind", "slug", "identity", "finished"),
    *("seconds", "peak_memory_mb", "machine", "versions"),
)


class Stopwatch:
    """Seconds spent in named phases of a job, in the order in which they began.

    A phase is a stage of the job's progress, too.
    """

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._phase: tuple[str, float] | None = None
        self.seconds: dict[str, float] = {}

    def phase(self, name: str) -> None:
        """End the phase that is under way and begin `name` (again)."""
        now = time.perf_counter()
        if self._phase:
            previous, since = self._phase
            self.seconds[previous] = self.seconds.get(previous, 0.0) + now - since
        self._phase = (name, now)
        progress.stage(name)

    def total(self) -> float:
        """Seconds since the stopwatch was made; ends the phase that is under way."""
        if self._phase:
            self.phase(self._phase[0])
        return time.perf_counter() - self._started


def write_run(job: Job, stopwatch: Stopwatch, facts: Mapping[str, Any]) -> None:
    """Write a job's `run.json`. Call it last: its presence says that the artefact is whole.

    It lists the digest of every file of the artefact, by which `store.verify` knows a file that
    is another's.

    Args:
        job: kind, slug, identity, settings and inputs (folders) of the artefact.
        stopwatch: the job's phases.
        facts: what the job found out (final accuracy, replaced tensors, parameters ...).

    Raises:
        ChangedSincePlan: the source, or a file of the user's, is not what the plan saw.
    """
    if job.watch is not None:
        job.watch.confirm()
    files = store.digests_in(job.folder)
    store.write_json(
        job.folder / store.RUN_FILE,
        {
            **job.record(),
            "source": job.source,
            "contents": {name: content.digest for name, content in job.contents.items()},
            "facts": dict(facts),
            "files": files,
            "seconds": {"total": stopwatch.total(), **stopwatch.seconds},
            "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "versions": versions(),
        },
    )


def collect(paths: Iterable[str | Path]) -> list[dict[str, Any]]:
    """Of each of these `run.json` files what a report tells of it, in the order given.

    `run.json` knows a job's work; Snakemake's benchmark file, where there is one, knows how long
    the whole job took, with the start of Python and its imports: `job_seconds`, or None.
    `accepted` is what was accepted of the artefact since. `notes` are sentences on what the job
    found wrong and went on with: its warnings.
    """
    found = []
    for path in map(Path, paths):
        run = store.read_json(path, kind=str)
        kept = {key: run[key] for key in KEPT if key in run}
        if store.IDENTITY.search(path.parent.name):  # a label may have another name since
            kept["slug"] = path.parent.name.rpartition(".")[0]
        kept |= {"job_seconds": _job_seconds(path, run["kind"])}
        kept |= {"notes": run.get("facts", {}).get("notes", [])}
        found.append({**kept, "accepted": accepted.read(path.parent)})
    return found


def _job_seconds(run: Path, kind: str) -> float | None:
    """Seconds of the whole job behind results/store/<kind>/<name>/run.json, as Snakemake saw it.

    Rules that have the name of a kind keep its benchmarks in results/logs/<kind>/.
    """
    try:
        place = run.parents[3] / "logs" / kind / f"{run.parent.name}.benchmark.tsv"
        text = place.read_text(encoding="utf-8")
        return float(next(csv.DictReader(text.splitlines(), delimiter="\t"))["s"])
    except (OSError, IndexError, StopIteration, KeyError, ValueError):
        return None  # information that a study can do without


def machine() -> dict[str, Any]:
    """Host, processor and operating system."""
    return {
        "host": socket.gethostname(),
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
    }


def processor_name() -> str:
    """The processor's name as /proc/cpuinfo has it, or what Python knows."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def versions() -> dict[str, str]:
    """Installed versions of Python and of the packages that results depend on."""
    found = {"python": sys.version.split()[0]}
    for name in (*RECORDED_PACKAGES, *(name for name in WHERE_USED if name in sys.modules)):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
