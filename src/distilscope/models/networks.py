"""The check of networks that the catalogue doesn't vouch for, before anything is trained."""

from __future__ import annotations

import logging

from distilscope import store
from distilscope.data.files import MANIFEST_FILE
from distilscope.job import Job
from distilscope.models.build import ModelError, check_on_meta
from distilscope.provenance import Stopwatch, write_run

log = logging.getLogger("distilscope")


def check(job: Job) -> None:
    """Build each network of `job.settings["networks"]` without memory and look at its layers.

    Settings: `image_size` and `networks`, a list of {name, architecture, layers}. Writes
    `run.json` with the shape of each layer.

    Raises:
        ModelError: a network can't be built, or a layer isn't there or gives no feature map; the
            message names the network.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("check")
    classes = store.read_json(job.input("dataset") / MANIFEST_FILE)["classes"]
    shapes = {}
    for network in job.settings["networks"]:
        try:
            found = check_on_meta(
                network["architecture"],
                network["layers"],
                job.settings["image_size"],
                len(classes),
            )
        except Exception as error:
            raise ModelError(f"{network['name']}: {error}") from error
        shapes[network["name"]] = {layer: list(shape) for layer, shape in found.items()}
        log.info("%s: layers are there: %s", network["name"], shapes[network["name"]])
    write_run(job, stopwatch, {"shapes": shapes})
