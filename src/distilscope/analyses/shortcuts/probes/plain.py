"""The test images as they are: for models that are shown another data set's than their own."""

from __future__ import annotations

from distilscope.data.probes import Images, Part, whole
from distilscope.planning.job import Job


def build(images: Images, job: Job) -> dict[str, Part]:
    """One part, `test`."""
    return {"test": whole(images.pixels)}
