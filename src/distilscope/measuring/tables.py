"""The tables job: every number of a study with its interval, and the inputs of its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from distilscope import store
from distilscope.analyses.alignment.alignment_rows import (
    Pair,
    add_alignment_rows,
    add_layer_rows,
    read_pairs,
)
from distilscope.analyses.alignment.covariation_rows import covariation_table
from distilscope.analyses.alignment.pairs import Rules
from distilscope.analyses.alignment.trivial import add_trivial_rows
from distilscope.analyses.outputs.output_rows import HELD_OUT, add_fidelity_rows, add_output_rows
from distilscope.analyses.parts.part_rows import (
    PartPair,
    add_part_rows,
    add_reference_rows,
    findings,
    headlines,
    no_parts,
    parts_table,
    read_part_pairs,
)
from distilscope.analyses.randomisation.sanity import sanity_table
from distilscope.analyses.shortcuts.measure import NONE_JUDGED, rates_table, shortcuts_table
from distilscope.data.files import MANIFEST_FILE
from distilscope.measuring import figure_inputs, observations
from distilscope.measuring.claim_rows import claims_table, published_table
from distilscope.measuring.observations import Outputs
from distilscope.measuring.seed_rows import seeds_table
from distilscope.measuring.study_rows import Entry, Rows, Study
from distilscope.planning.job import Job
from distilscope.statistics.values import TWIN_ROLES
from distilscope.workflow.provenance import RUNS_FILE, Stopwatch, collect, write_run

PROBE = "test"
DIVERGENT = 12

AnyPair = TypeVar("AnyPair", bound=Pair)


def measure(job: Job) -> None:
    """Make the tables of a study, which `catalog.TABLES` lists, and `runs.json`.

    Inputs of the job: `dataset`, and the folders that the settings name. Settings: `study`;
    `models`, a list of what `study_rows.Entry` reads; `measures` with `ece_bins`, `bootstrap`
    (resamples), `level`, `seed`, `top`, `curve`, `folds` and `minimum_class`; `divergent`, images a
    model in that table; `claims`, null or what `claim_rows.claims_table` takes; `sanity` and
    `methods`, what `sanity.sanity_table` takes; `parts`, null or the `method` and `variant` that
    stand for measures over parts, of which the input `parts` says what is wrong. Information:
    `runs`, the `run.json` of all that the study is made from.

    Raises:
        ValueError: settings that lack a key, a reference that is no model of the study, or models
            that were observed on different images.
        DamagedFile: an input's bytes are not those that were written.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("read")
    runs = collect(job.information.get("runs", []))
    entries = _entries(job.settings)
    outputs = {e.id: observations.read_outputs(e.observation, PROBE) for e in entries}
    held_out = {e.id: found for e in entries if (found := _held_out(e)) is not None}
    study = _study(job, entries, outputs)
    against = [seen for entry in entries for seen in entry.against()]
    compared = [entry for entry in against if entry.comparison]
    pairs = {(e.id, e.reference): read_pairs(e, study) for e in compared}

    headline = job.settings.get("parts")
    wrong = findings(job.input("parts")) if headline else None

    def of_outputs(own: Rows, entry: Entry) -> None:
        add_output_rows(own, entry, outputs[entry.id], held_out.get(entry.id))

    def of_fidelity(own: Rows, entry: Entry) -> None:
        add_fidelity_rows(own, entry, outputs[entry.id], outputs[entry.reference])

    def of_alignment(own: Rows, entry: Entry) -> None:
        found = pairs[entry.id, entry.reference]
        add_alignment_rows(own, entry, found, _twins(entry, compared, pairs))
        add_layer_rows(own, entry)

    def of_trivial_maps(own: Rows, beside: tuple[Entry, Pair]) -> None:
        entry, pair = beside
        add_trivial_rows(own, entry, outputs[entry.id], [pair], job.input("dataset"))

    rows = Rows(study, job.processes)
    stopwatch.phase("outputs")
    rows.add_each(of_outputs, entries)
    rows.add_each(of_fidelity, against)
    stopwatch.phase("alignment")
    rows.add_each(of_alignment, compared)
    stopwatch.phase("parts")
    parted = _add_parts(rows, entries, compared, headline)
    stopwatch.phase("trivial maps")
    rows.add_each(of_trivial_maps, [(e, p) for e in entries for p in _with_reference(e, pairs)])
    stopwatch.phase("figures' inputs")
    models = figure_inputs.model_table(study, outputs, held_out)
    figure_inputs.add_cost_rows(rows, models)
    measures = rows.frame()
    stopwatch.phase("claims")
    claimed = claims_table(measures, study.classes, job.settings.get("claims"), headline)
    with_own = {e.id: pairs[e.id, e.reference] for e in entries if e.comparison}
    tables = {
        "models": models,
        "seeds": seeds_table(study, outputs, with_own, headlines(parted, headline)),
        "reliability": figure_inputs.reliability_table(study, outputs),
        "divergent": figure_inputs.divergent_table(study, outputs, with_own),
        "histories": figure_inputs.history_table(study),
        "measures": measures,
        "claims": claimed,
        "published": published_table(job.settings.get("claims")),
        "covariation": covariation_table(study, measures),
        "parts": parts_table(study, compared) if parted else no_parts(),
        "sanity": sanity_table(
            study, job.settings.get("sanity", []), outputs, job.settings.get("methods", [])
        ),
    }
    stopwatch.phase("shortcuts")
    tables["shortcuts"] = shortcuts_table(
        study, job.settings.get("shortcuts", {}), job.settings.get("audits", [])
    )
    tables["shortcut_rates"] = rates_table(study, tables["shortcuts"])
    stopwatch.phase("write")
    for name, table in tables.items():
        about = {"study": study.name}
        if name == "shortcuts" and table.empty:
            about["reason"] = NONE_JUDGED
        if name == "parts" and wrong is not None:
            about["findings"] = wrong
        store.write_table(job.folder / f"{name}.parquet", table, about)
    store.write_json(job.folder / RUNS_FILE, runs)
    facts = {"rows": {name: len(table) for name, table in tables.items()}}
    write_run(job, stopwatch, facts)


def _add_parts(
    rows: Rows,
    entries: Sequence[Entry],
    compared: Sequence[Entry],
    headline: Mapping[str, str] | None,
) -> dict[tuple[str, str], list[PartPair]]:
    """Add all rows about parts; the pairs of each comparison, none where a study has no parts."""
    if headline is None:
        return {}
    pairs = {(e.id, e.reference): read_part_pairs(e, rows.study) for e in compared}

    def of_parts(own: Rows, entry: Entry) -> None:
        found = pairs[entry.id, entry.reference]
        add_part_rows(own, entry, found, _twins(entry, compared, pairs), headline)

    def of_reference(own: Rows, entry: Entry) -> None:
        add_reference_rows(own, entry, _with_reference(entry, pairs))

    rows.add_each(of_parts, compared)
    rows.add_each(of_reference, entries)
    return pairs


def _entries(settings: Mapping[str, Any]) -> tuple[Entry, ...]:
    for key in ("study", "models", "measures"):
        if key not in settings:
            raise ValueError(f"the settings of the tables lack the key {key!r}")
    entries = tuple(Entry.of(row) for row in settings["models"])
    known = {entry.id for entry in entries}
    if not entries or len(known) < len(entries):
        raise ValueError("the tables need at least one model, each with an id of its own")
    for entry in (seen for each in entries for seen in each.against()):
        if entry.reference not in known:
            raise ValueError(
                f"model {entry.id!r} is compared with {entry.reference!r}, which is no model of "
                f"the study; it has {', '.join(sorted(known))}"
            )
    return entries


def _study(job: Job, entries: tuple[Entry, ...], outputs: Mapping[str, Outputs]) -> Study:
    first = outputs[entries[0].id]
    for other in outputs.values():
        observations.require_same_images(first, other)
    measures = job.settings["measures"]
    manifest = store.read_json(job.input("dataset") / MANIFEST_FILE, classes=list)
    return Study(
        name=job.settings["study"],
        entries=entries,
        classes=len(manifest["classes"]),
        probe=PROBE,
        index=first.index,
        bins=measures["ece_bins"],
        replicates=measures["bootstrap"],
        level=measures["level"],
        seed=measures["seed"],
        divergent=job.settings.get("divergent", DIVERGENT),
        rules=Rules(
            top=measures["top"],
            curve=tuple(measures.get("curve", ())),
            folds=measures["folds"],
            minimum_class=measures["minimum_class"],
            seed=measures["seed"],
        ),
    )


def _held_out(entry: Entry) -> Outputs | None:
    path: Path = entry.observation / HELD_OUT / "logits.parquet"
    return observations.read_outputs(entry.observation, HELD_OUT) if path.exists() else None


def _with_reference(
    reference: Entry, pairs: Mapping[tuple[str, str], list[AnyPair]]
) -> list[AnyPair]:
    """The pairs of the first model that is compared with it; none where it is no reference."""
    return next((found for (_, other), found in pairs.items() if other == reference.id), [])


def _twins(
    entry: Entry, compared: Sequence[Entry], pairs: Mapping[tuple[str, str], list[AnyPair]]
) -> dict[str, list[AnyPair]]:
    """The pairs of the twins that are compared with the same reference.

    A further teacher is as good a twin as one that no student learns from.
    """
    return {
        other.id: pairs[other.id, other.reference]
        for other in compared
        if other.role in TWIN_ROLES and other.reference == entry.reference
    }
