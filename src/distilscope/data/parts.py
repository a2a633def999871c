"""One job: the part maps of a data set's test images, and those images without each part."""

from __future__ import annotations

import logging
import pkgutil
from pathlib import Path

from distilscope import store
from distilscope.data.part_maps import FINDINGS_FILE, MAPS_FILE, REMOVED_FILE
from distilscope.data.part_sources import Place
from distilscope.data.probes import read_test_images
from distilscope.data.removal import remove
from distilscope.planning.job import Job
from distilscope.workflow.provenance import Stopwatch, write_run

log = logging.getLogger(__name__)


def make(job: Job) -> None:
    """Make `maps.safetensors`, `findings.json`, where asked `removed.safetensors`, and `run.json`.

    Input: `dataset`. Settings: `builder` (dotted path) and `settings` of the source; `data`, those
    of the data set; `removal`, null or `without` (dotted path), `images` and `seed`.
    `job.information["source"]` is the path that the data set was read from.

    Raises:
        BadData: the source can't be read or has no such parts.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("maps")
    settings = job.settings
    place = Place(
        read_test_images(job.input("dataset")), settings["data"], Path(job.information["source"])
    )
    maps, findings = pkgutil.resolve_name(settings["builder"])(place, **settings["settings"])
    for sentence in findings.sentences():
        log.warning("%s: %s", job.slug, sentence)
    facts = {"images": len(maps), "parts": list(maps.names), "findings": findings.counts()}
    removed = None
    if settings["removal"]:
        stopwatch.phase("removal")
        wanted = settings["removal"]
        without = pkgutil.resolve_name(wanted["without"])
        removed = remove(place, maps, without, wanted["images"], wanted["seed"])
        facts["removed"] = len(removed.parts)
    stopwatch.phase("write")
    maps.save(job.folder / MAPS_FILE)
    found = {fault: list(names) for fault, names in findings.faults.items() if names}
    store.write_json(
        job.folder / FINDINGS_FILE, {"faults": found, "sentences": findings.sentences()}
    )
    if removed is not None:
        removed.save(job.folder / REMOVED_FILE)
    write_run(job, stopwatch, facts)
