"""Row 7: what a finished study took beyond its work, from its `run.json` and benchmark files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from distilscope import store
from distilscope.planning.artefact import FOLDERS

from .timing import Goal, Row, missing, single

WORK = ("model", "targets", "observation", "comparison", "tables", "derived", "probe_observation")
PER_MODEL = ("model", "observation", "comparison")
HOW = "run `make study` first; a study that was finished by one run of snakemake has what is needed"


@dataclass(frozen=True)
class Finished:
    """A study that one run of Snakemake made.

    Attributes:
        name: of the study.
        jobs: kind, seconds of work, seconds from the job's start to its end (NaN without a
            benchmark file), a row a job.
        wall: seconds of the whole run. cores: that it was given.
    """

    name: str
    jobs: pd.DataFrame
    wall: float
    cores: int


def workflow(results: Path) -> tuple[list[Row], str]:
    """Wall clock beyond training, observing and measuring, and jobs a model."""
    what = "workflow overhead of a study"
    found = [path.parent for path in sorted(results.glob("*/study.json"))]
    studies = [study for folder in found if (study := read(results, folder)) is not None]
    if not studies:
        return [missing(7, what, "", HOW)], ""
    rows, texts = [], []
    for study in studies:
        work = study.jobs.loc[study.jobs["kind"].isin(WORK), "work"].sum()
        beyond = study.wall - work / study.cores
        models = (study.jobs["kind"] == "model").sum()
        jobs = study.jobs["kind"].isin(PER_MODEL).sum() / models
        note = f"{study.wall:.0f} s of wall clock, {work:.0f} s of work on {study.cores} cores"
        rows.append(
            single(7, f"{what}, {study.name}", beyond, "s", Goal(60, at_most=True), note=note)
        )
        note = f"{models} models; training, observation, comparison"
        rows.append(
            single(7, f"jobs a model, {study.name}", jobs, "jobs", Goal(3, at_most=True), note=note)
        )
        texts.append(_profile(study))
    return rows, "\n\n".join(texts)


def read(results: Path, published: Path) -> Finished | None:
    """A study, if all its jobs and one whole run of Snakemake are still known."""
    artefacts = store.read_json(published / "study.json")["artefacts"]
    jobs = [_job(results, kind, f"{slug}.{identity}") for kind, slug, identity, _ in artefacts]
    run = _run(results.resolve().parent / ".snakemake" / "log", len(artefacts))
    if run is None or any(job is None for job in jobs):
        return None
    return Finished(published.name, pd.DataFrame(jobs), *run)


def _job(results: Path, kind: str, name: str) -> dict[str, object] | None:
    run = results / "store" / FOLDERS[kind] / name / store.RUN_FILE
    if not run.is_file():
        return None
    benchmark = results / "logs" / kind / f"{name}.benchmark.tsv"
    whole = pd.read_csv(benchmark, sep="\t")["s"].iloc[0] if benchmark.is_file() else float("nan")
    return {"kind": kind, "work": store.read_json(run)["seconds"]["total"], "whole": whole}


def _run(logs: Path, jobs: int) -> tuple[float, int] | None:
    """Seconds and cores of the last run of Snakemake that did at least so many jobs."""
    for log in sorted(logs.glob("*.snakemake.log"), reverse=True):
        text = log.read_text(errors="replace")
        done = re.search(r"(\d+) of \1 steps \(100%\) done", text)
        took = re.search(r"Elapsed time: (?:(\d+) days?, )?(\d+):(\d+):([\d.]+)", text)
        cores = re.search(r"Provided cores: (\d+)", text)
        if done and took and cores and int(done[1]) >= jobs:
            days, hours, minutes, seconds = (float(part or 0) for part in took.groups())
            return ((days * 24 + hours) * 60 + minutes) * 60 + seconds, int(cores[1])
    return None


def _profile(study: Finished) -> str:
    """Where the core-seconds of a study went."""
    kinds = study.jobs.groupby("kind").agg(
        jobs=("work", "size"), work=("work", "sum"), whole=("whole", "sum"), most=("work", "max")
    )
    kinds["start-up"] = kinds.pop("whole") - kinds["work"]
    kinds = kinds.sort_values("work", ascending=False).rename(columns={"most": "longest job"})
    total = study.wall * study.cores
    rest = total - kinds["work"].sum() - kinds["start-up"].sum()
    return (
        f"{study.name}: {study.wall:.0f} s x {study.cores} cores = {total:.0f} core-seconds, of "
        f"which {rest:.0f} outside jobs (Snakemake, waiting for each other)\n"
        + kinds.round(1).to_string()
    )
