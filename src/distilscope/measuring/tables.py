"""The tables job: every number of a study with its interval, by every analysis of the study."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping

import pandas as pd

from distilscope import registry, store
from distilscope.analyses.declaration import Analysis
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
        ValueError: settings that lack a key, a reference that is no model of the study, models
            that were observed on different images, or an analysis that makes a table, or adds a
            measure, that it does not declare.
        DamagedFile: an input's bytes are not those that were written.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("read")
    runs = collect(job.information.get("runs", []))
    study = Study.of(job)
    tables: dict[str, pd.DataFrame] = {}
    asked = [(registry.analysis(name), own) for name, own in job.settings["analyses"].items()]
    for analysis, settings in asked:
        if analysis.measure:
            stopwatch.phase(analysis.name)
            study.rows.analysis = analysis.name
            made = pkgutil.resolve_name(analysis.measure)(study, settings)
            tables |= _declared(analysis, made, study)
    stopwatch.phase("seeds")
    measures = study.rows.frame()
    for analysis, settings in asked:
        if analysis.conclude:
            made = pkgutil.resolve_name(analysis.conclude)(study, settings, measures)
            tables |= _declared(analysis, made, study)
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
            measures, tables["models"], study.conditions, study.classes, claims, study.level
        )
        tables["published"] = published_table(claims)
    stopwatch.phase("write")
    for name, table in tables.items():
        about = {"study": study.name, **table.attrs}
        store.write_table(job.folder / f"{name}.parquet", table, about)
    store.write_json(job.folder / store.RUNS_FILE, runs)
    write_run(job, stopwatch, {"rows": {name: len(table) for name, table in tables.items()}})


def _declared(
    analysis: Analysis, made: Mapping[str, pd.DataFrame], study: Study
) -> dict[str, pd.DataFrame]:
    """The tables of an analysis that this study has rows for, each with the columns declared."""
    for name, table in made.items():
        if name not in analysis.tables:
            raise ValueError(
                f"the analysis {analysis.name!r} made the table {name!r}, which is not in its "
                f"`tables`; it declares {', '.join(analysis.tables) or 'none'}"
            )
        lacking = set(analysis.tables[name].columns) - set(table)
        if lacking:
            raise ValueError(
                f"the table {name!r} of the analysis {analysis.name!r} lacks the columns "
                f"{', '.join(sorted(lacking))} that it declares"
            )
    wanted = analysis.tables_of(study.conditions.values())
    return {name: table for name, table in made.items() if name in wanted}
