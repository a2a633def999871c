"""One job: what a model says of probes that were made on purpose, by the code of every observation.

The folders are those of an observation (docs/architecture.md): one for each part of a probe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch

from distilscope.data.dataset import Dataset, Split
from distilscope.data.probes import read_part
from distilscope.observing.numerics import exact
from distilscope.observing.observe import Observer
from distilscope.observing.request import Request
from distilscope.planning.job import Job
from distilscope.workflow import provenance


def observe(job: Job) -> None:
    """Make the observation of a model on made probes: a folder a part, and `run.json`.

    Inputs: `dataset` (classes and normalisation), `model`, `probes` (folders), `references`
    (observation folders that hold the same parts; may be empty). Settings: those of an observation
    (`request.Request`), whose `probes` also say `probe` (position in the input) and `part`.

    Raises:
        ValueError: as `observing.observe.observe`; or a probe without that part.
    """
    stopwatch = provenance.Stopwatch()
    stopwatch.phase("load")
    request = Request.of(job.settings)
    with exact(request.threads):
        observer = Observer.of(job, request, stopwatch)
        observer.dataset = _with_probes(observer.dataset, job)
        facts = {"probes": {probe.name: observer.probe(probe) for probe in request.probes}}
    provenance.write_run(job, stopwatch, facts)


def _with_probes(dataset: Dataset, job: Job) -> Dataset:
    """The data set with a split for each part of a probe."""
    folders = job.inputs_of("probes")
    splits: Mapping[str, Split] = {
        wanted["split"]: _split(read_part(folders[wanted["probe"]], wanted["part"]), job.device)
        for wanted in job.settings["probes"]
    }
    return replace(dataset, splits=splits)


def _split(part, device: str) -> Split:
    return Split(*(torch.from_numpy(part[k]).to(device) for k in ("images", "labels", "indices")))
