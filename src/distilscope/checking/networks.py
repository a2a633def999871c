"""The job that every training waits for: each network of the study is tried in a small way."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from distilscope.checking.faults import too_few
from distilscope.checking.trial import Findings, attempt
from distilscope.data.dataset import Dataset, load
from distilscope.models.build import ModelError
from distilscope.planning.job import Job
from distilscope.training import runtime
from distilscope.workflow.provenance import Stopwatch, write_run

log = logging.getLogger("distilscope")


def check(job: Job) -> None:
    """Try every network of the study (see `trial`) and write `run.json` with what was found.

    Input: `dataset`. Settings: `networks`, a list of {model, observation, randomised}: the settings
    of a job that makes such a model, those of its observation, and the modules that the check of
    explanations makes random. Information: `entries`, for each of them {names, files}: what it is
    called, and where a model's job finds its weights files.

    Facts: `shapes` of each network's layers, `checked` in words, `notes` that are warnings.

    Raises:
        ModelError: what would fail after a training or be silently wrong, a line for each network.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("load")
    networks = job.settings["networks"]
    runtime.prepare(max(n["observation"]["threads"] for n in networks), job.device)
    dataset = load(job.input("dataset"), job.device)
    stopwatch.phase("check")
    found: dict[str, Findings] = {}
    faults = []
    for network, entry in zip(networks, job.information["entries"], strict=True):
        name = ", ".join(entry["names"])
        model = replace(job, slug=name, settings=network["model"], information=entry["files"])
        try:
            found[name] = attempt(model, dataset, network["observation"], network["randomised"])
        except Exception as error:
            log.debug("%s", name, exc_info=True)
            faults.append((f"{name}: {error}", error))
        else:
            _log(name, found[name])
    if faults:
        raise ModelError("\n".join(text for text, _ in faults)) from faults[0][1]
    notes = _notes(found, dataset, networks)
    for note in notes:
        log.warning("%s", note)
    facts = {
        "shapes": {
            name: {layer: list(shape) for layer, shape in one.shapes.items()}
            for name, one in found.items()
        },
        "checked": {name: one.done for name, one in found.items()},
        "notes": notes,
    }
    write_run(job, stopwatch, facts)


def _log(name: str, found: Findings) -> None:
    shapes = (f"{layer} {'x'.join(map(str, shape))}" for layer, shape in found.shapes.items())
    log.info("%s: layers %s", name, ", ".join(shapes))
    log.info("%s: checked: %s", name, "; ".join(found.done))


def _notes(
    found: Mapping[str, Findings], dataset: Dataset, networks: list[Mapping[str, Any]]
) -> list[str]:
    """Those of the networks, and those of requests that the data set meets in part: of Grams only
    where features are asked for.
    """
    notes = [f"{name}: {text}" for name, one in found.items() for text in one.notes]
    images = len(dataset.split("test"))
    asked = [network["observation"] for network in networks]
    batch = max(observation["gram_batch"] for observation in asked)
    wanted = any("features" in probe["contents"] for each in asked for probe in each["probes"])
    if wanted and images < batch:
        notes.append(too_few(batch, images, "test image"))
    return notes
