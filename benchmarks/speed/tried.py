"""What was tried, used or not, measured where it is asked for: `--only tried`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unittest import mock

import torch
from torch.nn import functional as F

from distilscope import catalog
from distilscope.models.build import build
from distilscope.observing.methods import integrated_gradients
from distilscope.observing.numerics import exact
from distilscope.training import runtime
from distilscope.training.optimiser import Optimiser

from . import loops, material
from .timing import Row, compared, interleaved, missing

STUDENT, STEPS, REPEATS = "plain-small", 4, 5
OBSERVED, OBSERVED_IMAGES = "resnet18", 200
EXPLAINED, WIDTH, IG_STEPS = "resnet26", 12, 8


def tried(place: Path) -> tuple[list[Row], str]:
    """Compiled students; the layout of observing, and its batches of integrated gradients."""
    return [*_compiled(), _layout(), _cached()], ""


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
    optimiser = Optimiser(model, material.OPTIMIZER)
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
    """A teacher's forward pass as observing runs it, and channels first."""
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
        f"observing channels last, as it is, {OBSERVED} forward",
        seconds["last"],
        seconds["first"],
        scale=1000 / OBSERVED_IMAGES,
        against="channels first",
        precision="fp32",
    )


def _cached() -> Row:
    """Integrated gradients in batches that a processor's caches hold, and in a GPU's batches."""
    entry = catalog.ARCHITECTURES[EXPLAINED]
    settings = {**entry.settings, "width": WIDTH}
    model = build({"builder": entry.builder, "settings": settings}, material.CLASSES)
    model = model.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    batch, _ = loops.resident_batch(integrated_gradients.CACHED_BATCH)
    classes = torch.zeros(len(batch), dtype=torch.long)

    def explaining(inputs_a_pass: int) -> Callable[[], None]:
        def work() -> None:
            with mock.patch.object(integrated_gradients, "CACHED_BATCH", inputs_a_pass):
                integrated_gradients.explain(
                    model, batch, classes, torch.zeros_like(batch[:1]), IG_STEPS
                )

        return work

    ways = {
        "small": explaining(integrated_gradients.CACHED_BATCH),
        "large": explaining(integrated_gradients.INTERNAL_BATCH),
    }
    with exact(threads=1):
        seconds = interleaved(ways, 3)
    return compared(
        11,
        f"integrated gradients, {integrated_gradients.CACHED_BATCH} inputs a pass, {EXPLAINED}",
        seconds["small"],
        seconds["large"],
        scale=1000 / len(batch) / IG_STEPS,
        against=f"{integrated_gradients.INTERNAL_BATCH} inputs a pass",
        precision="fp32",
    )
