"""The comparison job: a model with its reference on a probe, by every analysis that compares."""

from __future__ import annotations

import pkgutil

from distilscope import registry, store
from distilscope.measuring.model_pair import ModelPair
from distilscope.planning.job import Job
from distilscope.workflow.provenance import Stopwatch, write_run


def compare(job: Job) -> None:
    """Make a comparison: the tables of its analyses, and `run.json`.

    Inputs of the job: `dataset`, `observation`, `reference`, and `common`, the observations of
    the teacher and its twins: an image is common where all of them are right (where there are
    none, where the reference is); and what analyses read besides. Settings: those of `ModelPair`,
    and `analyses`, the settings of each by its name.

    Raises:
        ValueError: settings that can't be used, or observations of different images.
        DamagedFile: an input's bytes are not those that were written.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("read")
    asked = {name: registry.analysis(name) for name in job.settings["analyses"]}
    pair = ModelPair.of(job)
    facts = {
        "images": len(pair.common),
        "common": int(pair.common.sum()),
        "both_correct": int(pair.both_right.sum()),
    }
    tables = {}  # all of them before one is written: a later input may be damaged
    for name, analysis in asked.items():
        stopwatch.phase(name)
        tables |= pkgutil.resolve_name(analysis.compare)(pair, job.settings["analyses"][name])
    for file, table in tables.items():
        store.write_table(job.folder / f"{file}.parquet", table, {"probe": pair.probe})
        facts |= table.attrs
    write_run(job, stopwatch, facts)
