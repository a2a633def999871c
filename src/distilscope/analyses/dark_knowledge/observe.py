"""What a model says of the images that it was trained on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from distilscope.observing.request import ProbeRequest
from distilscope.planning.job import Job

if TYPE_CHECKING:
    from distilscope.observing.observe import Observer

TRAIN = "train"


def observer(job: Job) -> Callable[[Observer], dict[str, Any]]:
    """What writes `train/logits.parquet`: the training images without augmentation, held-out
    ones left out.
    """
    wanted = ProbeRequest(TRAIN, TRAIN, ("logits",))
    return lambda run: {TRAIN: run.probe(wanted)}
