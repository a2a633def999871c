"""The same images with and without a patch: what a model does about it is its reliance."""

from __future__ import annotations

from distilscope.analyses.shortcuts.planted import draw
from distilscope.data.probes import Images, Part, whole
from distilscope.planning.job import Job


def build(images: Images, job: Job) -> dict[str, Part]:
    """Two parts: `patch-on`, every test image with the patch, and `patch-off`, none of them.

    Settings: `patch` {size, value, place}, as `planted.draw` takes it.
    """
    patched = draw(images.pixels, job.settings["patch"])
    return {"patch-on": whole(patched), "patch-off": whole(images.pixels)}
