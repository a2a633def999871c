"""The tables job: every number of a study with its interval, by every analysis of the study."""

from __future__ import annotations

import pkgutil

import pandas as pd

from distilscope import registry, store
from distilscope.measuring.claim_rows import claims_table, published_table
from distilscope.measuring.models import condition_table, model_table
from distilscope.measuring.seeds import seeds_table
from distilscope.measuring.study import Study
from distilscope.planning.job import Job
from distilscope.workflow.provenance import Stopwatch, collect, write_run


def measure(job: Job) -> None:
    """Make the tables of a study: those that every study has, those of its analyses; `runs.json`.

    Inputs of the job: `dataset`, and the folders that the settings name. Settings: `study`;
    `models`, a list of what `study.Entry` reads; `conditions`, by name; `statistics` with
    `bootstrap` (resamples), `level` and `seed`; `claims`, null or what `claim_rows.claims_table`
    takes; `analyses`, the settings of each by its name. Information: `runs`, the `run.json` of all
    that the study is made from.

    Raises:
        ValueError: settings that lack a key, a reference that is no model of the study, or models
            that were observed on different images.
        DamagedFile: an input's bytes are not those that were written.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("read")
    runs = collect(job.information.get("runs", []))
    study, known = Study.of(job), registry.analyses()
    tables: dict[str, pd.DataFrame] = {}
    asked = {name: known[name] for name in job.settings["analyses"]}
    for name, analysis in asked.items():
        if analysis.measure:
            stopwatch.phase(name)
            study.rows.analysis = name
            tables |= pkgutil.resolve_name(analysis.measure)(study, job.settings["analyses"][name])
    stopwatch.phase("seeds")
    measures = study.rows.frame()
    for name, analysis in asked.items():
        if analysis.conclude:
            settings = job.settings["analyses"][name]
            tables |= pkgutil.resolve_name(analysis.conclude)(study, settings, measures)
    tables |= {
        "models": model_table(study),
        "conditions": condition_table(job.settings["conditions"]),
        "measures": measures,
        "seeds": seeds_table(study),
    }
    stopwatch.phase("claims")
    claims = job.settings.get("claims")
    if claims is not None:
        tables["claims"] = claims_table(
            measures, tables["models"], study.conditions, study.classes, claims
        )
        tables["published"] = published_table(claims)
    stopwatch.phase("write")
    for name, table in tables.items():
        about = {"study": study.name, **table.attrs}
        store.write_table(job.folder / f"{name}.parquet", table, about)
    store.write_json(job.folder / store.RUNS_FILE, runs)
    write_run(job, stopwatch, {"rows": {name: len(table) for name, table in tables.items()}})
