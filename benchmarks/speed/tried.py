"""What was tried and is not used, measured where it is asked for: `--only tried`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional as F

from distilscope.observing.numerics import exact
from distilscope.training import runtime
from distilscope.training.optimiser import SGD

from . import loops, material
from .timing import Row, compared, interleaved, missing

STUDENT, STEPS, REPEATS = "plain-small", 4, 5
OBSERVED, OBSERVED_IMAGES = "resnet18", 200


def tried(place: Path) -> tuple[list[Row], str]:
    """Compiled students, and observing in the layout of training."""
    return [*_compiled(), _layout()], ""


def _compiled() -> list[Row]:
    rows = []
    for precision in material.PRECISIONS:
        what, against = f"torch.compile, {STUDENT}", "eager"
        try:
            compiled = _compiled_steps(precision)
            compiled()
        except Exception as error:  # whatever the compiler's tool chain lacks
            rows.append(missing(11, what, against, str(error).strip().splitlines()[0]))
            continue
        eager = loops.resident_steps(STUDENT, precision, STEPS)
        seconds = interleaved({"compiled": compiled, "eager": eager}, REPEATS)
        rows.append(
            compared(
                11,
                what,
                seconds["compiled"],
                seconds["eager"],
                scale=1000 / (STEPS * material.BATCH),
                against=against,
                precision=precision,
                note="without the minute or so that compiling takes",
            )
        )
    return rows


def _compiled_steps(precision: str) -> Callable[[], None]:
    """`loops.resident_steps` with the network and the loss compiled."""
    model = material.network(STUDENT).train()
    optimiser = SGD(model, material.OPTIMIZER)
    images, labels = loops.resident_batch(material.BATCH)

    @torch.compile
    def loss_of(images: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(model(images).float(), labels)

    def work() -> None:
        for _ in range(STEPS):
            with runtime.autocast(precision, images.device):
                loss = loss_of(images)
            optimiser.forget_gradients()
            loss.backward()
            optimiser.step(material.RATE)

    return work


def _layout() -> Row:
    """A teacher's forward pass as observing runs it, and channels last."""
    batch, _ = loops.resident_batch(OBSERVED_IMAGES)
    rows = batch.contiguous()
    last = material.teacher(OBSERVED)
    first = material.teacher(OBSERVED).to(memory_format=torch.contiguous_format)

    def passing(model: torch.nn.Module, images: torch.Tensor) -> Callable[[], None]:
        def work() -> None:
            with torch.no_grad():
                model(images)

        return work

    with exact(threads=1):
        seconds = interleaved({"last": passing(last, batch), "first": passing(first, rows)}, 3)
    return compared(
        11,
        f"observing channels last, {OBSERVED} forward",
        seconds["last"],
        seconds["first"],
        scale=1000 / OBSERVED_IMAGES,
        against="channels first, as it is",
        precision="fp32",
    )
