"""Where the results came from and where the time went, by `provenance.collect`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from distilscope import store, words
from distilscope.reporting.formatting import seconds
from distilscope.reporting.grid import Grid

MAX_PHASES = 6
BAR = Markup(
    '<svg class="bar" width="60" height="8" aria-hidden="true"><rect width="60" height="8"/>'
    '<rect width="{}" height="8"/></svg> {}'
)
CODE = Markup("<code>{}</code>")


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


def warnings(runs: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """What jobs found wrong and went on: a sentence -> the artefacts whose jobs said it."""
    found: dict[str, dict[str, None]] = {}
    for run in runs:
        for sentence in run.get("notes", []):
            found.setdefault(str(sentence), {})[f"{run['kind']} {run['slug']}"] = None
    return {sentence: list(artefacts) for sentence, artefacts in found.items()}


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
        for name, taken in run["seconds"].items():
            if name != "total":
                phases[name] = phases.get(name, 0.0) + float(taken)
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


# ---------------------------------------------------------------------------------- in the page


def spent_grid(runs: list[Mapping[str, Any]]) -> Grid:
    """Where each second went."""
    found = spent(runs)
    total = sum(entry.seconds for entry in found)
    return Grid(
        "Seconds by kind of job",
        ("Kind", "Jobs", "Time", "Share", "Start-up", "Longest job", "Peak memory", "Phases"),
        [
            (
                *(entry.kind, entry.jobs, seconds(entry.seconds), _bar(entry.seconds, total)),
                None if entry.start_up is None else seconds(entry.start_up),
                *(seconds(entry.longest), f"{entry.peak_memory_mb:.0f} MB", _phases(entry)),
            )
            for entry in found
        ],
        caption=f"Seconds by kind of job, {seconds(total)} in all if one job ran at a time; "
        "start-up (Python and its imports) comes on top",
        words=("Phases",),
    )


def _bar(part: float, total: float) -> Markup:
    share = part / total if total else 0.0
    return BAR.format(round(60 * share, 1), f"{100 * share:.0f} %")


def _phases(entry: Spent) -> str:
    shown = [f"{name} {seconds(taken)}" for name, taken in entry.phases[:MAX_PHASES]]
    return ", ".join([*shown, *(["…"] if len(entry.phases) > MAX_PHASES else [])])


def carried_grid(runs: Iterable[Mapping[str, Any]]) -> Grid:
    """Results that stand though their code was edited since, with the reason; the oldest first."""
    rows = [
        (run["kind"], run["slug"], one["why"], one["when"], ", ".join(one["changed"]))
        for run in runs
        for one in run.get("accepted", ())
    ]
    return Grid(
        "Results that were carried over",
        ("Kind", "Name", "Why", "When", "Edited"),
        sorted(rows, key=lambda row: row[3]),
        words=("Name", "Why", "Edited"),
    )


def artefacts_grid(runs: Iterable[Mapping[str, Any]]) -> Grid:
    """Every artefact with its identity."""
    rows = [
        (
            *(run["kind"], run["slug"], CODE.format(run["identity"])),
            *(seconds(run["seconds"]["total"]), run["finished"]),
        )
        for run in runs
    ]
    columns = ("Kind", "Name", "Identity", "Time", "Finished")
    return Grid("Artefacts", columns, rows, words=("Name",))


def machines(runs: list[Mapping[str, Any]]) -> list[str]:
    """The machines and the versions, a line each, with how many artefacts they made."""
    return [
        f"{join.join(f'{key}{of}{value}' for key, value in entry.items())} "
        f"({words.count(number_of, 'artefact')})"
        for kind, of, join in (("machine", ": ", "; "), ("versions", " ", ", "))
        for entry, number_of in distinct(runs, kind)
    ]


def settings_grid(settings: Mapping[str, Any]) -> Grid:
    """Every setting of the study."""
    rows = flatten(settings) if settings else []
    return Grid("Settings", ("Key", "Value"), rows, words=("Value",), style="settings")
