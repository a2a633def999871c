"""Small studies: their plans, made in this process job by job, or run by Snakemake."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import yaml

from distilscope.configuration.study import parse
from distilscope.planning import record
from distilscope.planning.artefact import FOLDERS, STORE, Artefact
from distilscope.planning.job import Job
from distilscope.planning.state import StoreState, in_order
from distilscope.planning.study import Study
from distilscope.store import publishing

__all__ = ["FOLDERS", "STORE", "Artefact", "Study", "in_order"]

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = yaml.safe_load(Path(__file__).with_name("small.yaml").read_text(encoding="utf-8"))
CHECKPOINTS = Path("results/checkpoints")
TIMED_COLUMNS = {"latency_ms", "seconds", "peak_memory_mb"}
UNTIMED = {".safetensors", ".npy", ".parquet", ".csv", ".svg", ".png"}
"""Files that hold no timing, but for those columns. The report and `run.json` do."""

_CALLED = re.compile(r'run\(snakemake, "([\w.]+:\w+)"')
MAKERS = {
    path.stem: found[1]
    for path in sorted((REPOSITORY / "workflow/scripts").glob("*.py"))
    if (found := _CALLED.search(path.read_text()))
}
"""What the workflow's scripts call for each kind of artefact."""


def small(**changes) -> dict:
    """The small study with `a__b=value` set at a.b."""
    made = copy.deepcopy(SMALL)
    for place, value in changes.items():
        *way, last = place.split("__")
        target = made
        for step in way:
            target = target[int(step) if step.isdigit() else step]
        target[last] = value
    return made


PARTED = small(
    study="parted",
    analyses__parts={
        "source": "foreground-grid",
        "settings": {"rows": 2, "columns": 3},
        "headline": {"method": "saliency", "variant": "mass_absolute"},
        "top": 2,
    },
)
"""The small study, which also asks about parts: it has every kind of artefact."""


def plan(raw: dict) -> Study:
    """The study of a configuration."""
    configuration = parse(raw)
    return Study(configuration, configuration.precision, REPOSITORY)


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """With `folder` as the working directory, as jobs have it."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def make(artefact: Artefact, **changes) -> Path:
    """Do the job of one artefact, with changes to it; its inputs must be there. Its folder."""
    job = dataclasses.replace(Job.from_json(artefact.job()), **changes)
    more = {"checkpoints": CHECKPOINTS} if artefact.kind == "model" else {}
    pkgutil.resolve_name(job.made_by or MAKERS[artefact.kind])(job, **more)
    return job.folder


def publish(study: Study) -> None:
    """Do the last rule's work."""
    parts = (study.tables, study.figures, study.report)
    folders = {a.kind: a.folder for a in parts}
    publishing.publish(folders, study.published, study.marker, record.describe(study))


def make_up_to(study: Study, last: Artefact) -> None:
    """Do the jobs of one artefact and of all that it is made from."""
    for needed in last.direct_inputs():
        make_up_to(study, needed)
    make(last)


def make_all(study: Study, folder: Path) -> None:
    """Make in this process what a run of a study in `folder` would make."""
    with inside(folder):
        for artefact in StoreState(study).to_make().artefacts:
            make(artefact)
        publish(study)


# --------------------------------------------------------------------------------- Snakemake


def begin(folder: Path, raw: dict) -> Path:
    """Write the configuration of a study that Snakemake is to run in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    return folder


def command(folder: Path, *arguments: str, cores: int = 1) -> list[str]:
    """The snakemake command over the study in `folder`."""
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")),
        *("--workflow-profile", str(REPOSITORY / "profiles/default")),
        *("--configfile", str(folder / "study.yaml"), "--directory", str(folder)),
        *("--cores", str(cores), *arguments),
    ]


def start(folder: Path, *arguments: str, cores: int = 1) -> subprocess.Popen:
    """Snakemake in a process group of its own; what it says goes to `snakemake.log`."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    with open(folder / "snakemake.log", "w") as log:
        return subprocess.Popen(
            command(folder, *arguments, cores=cores),
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def run(folder: Path, *arguments: str, cores: int = 1) -> tuple[int, str]:
    """Snakemake to its end: exit status and what it said."""
    status = start(folder, *arguments, cores=cores).wait()
    return status, (folder / "snakemake.log").read_text()


def run_well(folder: Path, *arguments: str, cores: int = 1) -> str:
    """Snakemake to its end, which must be a good one: what it said."""
    status, said = run(folder, *arguments, cores=cores)
    assert status == 0, said
    return said


# ----------------------------------------------------------------------------------- digests


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of everything in a study's store that holds no timing, by path."""
    return {
        (STORE / name).as_posix(): digest for name, digest in digests_of(folder / STORE).items()
    }


def digests_of(folder: Path) -> dict[str, str]:
    """SHA-256 of everything below a folder that holds no timing, by relative path."""
    return {
        path.relative_to(folder).as_posix(): _digest(path)
        for path in sorted(folder.rglob("*"))
        if path.suffix in UNTIMED or path.name == "manifest.json"
    }


def _digest(path: Path) -> str:
    if path.name in ("models.parquet", "measures.parquet"):
        table = pd.read_parquet(path)
        table = table.drop(columns=TIMED_COLUMNS & set(table))
        if "measure" in table:
            table.loc[table["measure"].isin(TIMED_COLUMNS), "value"] = 0.0
        return hashlib.sha256(table.to_json().encode()).hexdigest()
    return hashlib.sha256(path.read_bytes()).hexdigest()
