"""Where the results came from and where the time went: every `run.json` of a study.

`run.json` knows a job's work; Snakemake's benchmark file, where there is one, knows how long the
whole job took, with the start of Python and its imports.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distilscope import accepted, store


@dataclass(frozen=True)
class Spent:
    """Seconds of one kind of job: how many jobs, their sum, the longest, by phase.

    `start_up` is what the jobs took before and after their work; None where a job's benchmark
    file isn't there.
    """

    kind: str
    jobs: int
    seconds: float
    start_up: float | None
    longest: float
    peak_memory_mb: float
    phases: tuple[tuple[str, float], ...]


def read_runs(paths: Iterable[str | Path]) -> list[dict[str, Any]]:
    """The `run.json` files at these paths, in the order given, with `job_seconds` or None."""
    found = []
    for path in map(Path, paths):
        run = store.read_json(path)
        found.append({**run, "job_seconds": _job_seconds(path, run["kind"])})
    return found


def _job_seconds(run: Path, kind: str) -> float | None:
    """Seconds of the whole job behind results/store/<kind>/<name>/run.json, as Snakemake saw it.

    Rules that have the name of a kind keep its benchmarks in results/logs/<kind>/.
    """
    results, name = run.parents[3], run.parent.name
    try:
        text = (results / "logs" / kind / f"{name}.benchmark.tsv").read_text(encoding="utf-8")
        return float(next(csv.DictReader(text.splitlines(), delimiter="\t"))["s"])
    except (OSError, StopIteration, KeyError, ValueError):
        return None  # information that a study can do without


@dataclass(frozen=True)
class CarriedOver:
    """A result that stands though its code was edited since: somebody's word, with the reason."""

    kind: str
    slug: str
    why: str
    when: str
    changed: tuple[str, ...]


def carried_over(paths: Iterable[str | Path]) -> list[CarriedOver]:
    """What was accepted of the artefacts with these `run.json` files, the oldest first."""
    found = []
    for path in map(Path, paths):
        for entry in accepted.read(path.parent):
            run = store.read_json(path)
            what = entry["why"], entry["when"], tuple(entry["changed"])
            found.append(CarriedOver(run["kind"], run["slug"], *what))
    return sorted(found, key=lambda carried: carried.when)


def spent(runs: list[Mapping[str, Any]]) -> list[Spent]:
    """Where each second went, the most expensive kind of job first."""
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        kinds.setdefault(str(run["kind"]), []).append(run)
    found = [_spent(kind, group) for kind, group in kinds.items()]
    return sorted(found, key=lambda entry: (-entry.seconds, entry.kind))


def _spent(kind: str, runs: list[Mapping[str, Any]]) -> Spent:
    totals = [float(run["seconds"]["total"]) for run in runs]
    jobs = [run.get("job_seconds") for run in runs]
    phases: dict[str, float] = {}
    for run in runs:
        for name, seconds in run["seconds"].items():
            if name != "total":
                phases[name] = phases.get(name, 0.0) + float(seconds)
    return Spent(
        kind=kind,
        jobs=len(runs),
        seconds=sum(totals),
        start_up=None if None in jobs else max(0.0, sum(jobs) - sum(totals)),
        longest=max(totals),
        peak_memory_mb=max(float(run["peak_memory_mb"]) for run in runs),
        phases=tuple(sorted(phases.items(), key=lambda item: -item[1])),
    )


def distinct(runs: list[Mapping[str, Any]], key: str) -> list[tuple[dict[str, Any], int]]:
    """The different values of `machine` or `versions`, with how many artefacts have each."""
    counts: dict[str, tuple[dict[str, Any], int]] = {}
    for run in runs:
        value = dict(run[key])
        text = store.canonical_json(value)
        counts[text] = (value, counts.get(text, (value, 0))[1] + 1)
    return sorted(counts.values(), key=lambda item: -item[1])


def flatten(value: Any, key: str = "") -> list[tuple[str, str]]:
    """Nested settings as (dotted key, text) pairs, in their own order; empty ones stay visible."""
    if isinstance(value, Mapping) and value:
        return [
            pair
            for name, item in value.items()
            for pair in flatten(item, f"{key}.{name}" if key else str(name))
        ]
    if isinstance(value, (list, tuple)) and any(isinstance(v, (Mapping, list)) for v in value):
        return [
            pair for place, item in enumerate(value) for pair in flatten(item, f"{key}[{place}]")
        ]
    return [(key, _text(value))]


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(item) for item in value) or "none"
    return "none" if value == {} else str(value)
