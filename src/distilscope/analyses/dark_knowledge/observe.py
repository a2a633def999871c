"""What a model says of the images that it was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distilscope.observing.request import ProbeRequest

if TYPE_CHECKING:
    from distilscope.observing.observe import Observer

TRAIN = "train"


def observe(observer: Observer) -> dict[str, Any]:
    """Write `train/logits.parquet`: the training images without augmentation, held-out left out."""
    return {"train": observer.probe(ProbeRequest(TRAIN, TRAIN, ("logits",)))}
