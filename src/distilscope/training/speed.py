"""How fast this machine is with a study's networks: seconds an image, from a second or two each.

Run as a program it reads `{"architectures", "image_size", "precision", "threads"}` as JSON and
writes `[[learning, forward], ...]`, null for a network that can't be measured: that the check of
networks, or its training, will complain of. Nothing of it enters a result.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.nn import functional as F

from distilscope.models.build import build
from distilscope.training import runtime

CLASSES, FEW, MANY = 10, 8, 64
AT_MOST_SECONDS = 0.4
"""For a step of `MANY` images; a slower network is measured on `FEW`."""

REPEATS = 3


def measure(
    architecture: Mapping[str, Any], image_size: int, precision: str
) -> tuple[float, float]:
    """Seconds an image of a step that learns, and of a pass forward, on a processor.

    Args:
        architecture: `builder` and `settings`.
        image_size: pixels on a side.
        precision: `fp32` or `bf16`, of the step that learns; a pass forward is fp32.
    """
    model = build(architecture, CLASSES).to(memory_format=torch.channels_last)

    def batch(images: int) -> torch.Tensor:
        zeros = torch.zeros(images, 3, image_size, image_size)
        return zeros.contiguous(memory_format=torch.channels_last)

    def learn(images: torch.Tensor) -> None:
        with runtime.autocast(precision, images.device):
            logits = model(images)
        F.cross_entropy(logits.float(), torch.zeros(len(images), dtype=torch.int64)).backward()

    def look(images: torch.Tensor) -> None:
        with torch.no_grad():
            model(images)

    model.train()
    learning = _seconds_an_image(learn, batch)
    model.eval()
    return learning, _seconds_an_image(look, batch)


def _seconds_an_image(
    step: Callable[[torch.Tensor], None], batch: Callable[[int], torch.Tensor]
) -> float:
    images, repeats = batch(FEW), REPEATS
    step(images)
    first = _seconds(step, images)
    if first / FEW * MANY <= AT_MOST_SECONDS:
        images = batch(MANY)
        step(images)
    elif first > AT_MOST_SECONDS:
        return first / FEW
    return min(_seconds(step, images) for _ in range(repeats)) / len(images)


def _seconds(step: Callable[[torch.Tensor], None], images: torch.Tensor) -> float:
    started = time.perf_counter()
    step(images)
    return time.perf_counter() - started


def main() -> None:
    """Measure what standard input asks for."""
    asked = json.load(sys.stdin)
    torch.set_num_threads(asked["threads"])
    found: list[tuple[float, float] | None] = []
    for architecture in asked["architectures"]:
        try:
            found.append(measure(architecture, asked["image_size"], asked["precision"]))
        except Exception:  # it has no speed then; the check of networks says what is wrong with it
            found.append(None)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
