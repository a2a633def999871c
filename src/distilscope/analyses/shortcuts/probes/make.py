"""The job that makes a probe: some versions of a data set's test images, by a named builder."""

from __future__ import annotations

import pkgutil

from distilscope.data.probes import read_test_images, write_parts
from distilscope.planning.job import Job
from distilscope.workflow.provenance import Stopwatch, write_run


def make(job: Job) -> None:
    """Make `images.safetensors` and `run.json` of a probe.

    Settings: `builder` (dotted path, called with the images and the job; returns name -> `Part`),
    perhaps `subset` {images, seed} of the test images, and what the builder takes. Input:
    `dataset`, and `observation` for builders that need maps.

    Raises:
        ValueError: what the builder refuses.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("read")
    images = read_test_images(job.input("dataset"), job.settings.get("subset"))
    stopwatch.phase("build")
    parts = pkgutil.resolve_name(job.settings["builder"])(images, job)
    stopwatch.phase("write")
    write_parts(job, images, parts)
    facts = {
        "images": len(images.labels),
        "undefined": {name: int((~part.defined).sum()) for name, part in parts.items()},
    }
    write_run(job, stopwatch, facts)
