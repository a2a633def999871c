"""What the processor can do, and how near each stage comes: operations and bytes."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from distilscope.data.views import make_policy

from . import loops, material
from .timing import Row, doing, interleaved

SIDE = 2_048
CONVOLVED, CHANNELS = 32, 256
COPIED = 128 * 2**20
FORWARD_IMAGES = 64
REPEATS = 3
STUDENT_REPEATS = 5


class Bytes(TorchDispatchMode):
    """Counts the bytes of the tensors that operations read and write; views move nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.total += sum(
                leaf.nbytes
                for leaf in tree_leaves((args, kwargs, found))
                if isinstance(leaf, Tensor)
            )
        return found


def ceilings(place: Path) -> tuple[list[Row], str]:
    """Peak GFLOP/s of a large product and GB/s of a large copy, then each stage beside them."""
    peaks = {precision: _peak(precision) for precision in material.PRECISIONS}
    bandwidth = _bandwidth()
    rows = [
        Row(10, "peak of a large product", precision=p, ours=peak, unit="GFLOP/s", note=note)
        for p, (peak, note) in peaks.items()
    ]
    rows.append(Row(10, "copy of 128 MB, read and written", ours=bandwidth, unit="GB/s"))
    for precision in material.PRECISIONS:
        for what, images, work in _stages(precision):
            rows.append(_stage(what, precision, images, work, peaks[precision][0], bandwidth))
    return rows, ""


def _peak(precision: str) -> tuple[float, str]:
    """GFLOP/s of the fastest large product that torch knows, and which it was.

    A matrix product alone won't do: on some processors its library is slower than that of the
    convolutions.
    """
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    a, b = (torch.randn(SIDE, SIDE).to(dtype) for _ in range(2))
    images = torch.randn(CONVOLVED, CHANNELS, 32, 32).to(dtype)
    images = images.contiguous(memory_format=torch.channels_last)
    kernel = torch.randn(CHANNELS, CHANNELS, 3, 3).to(dtype)
    kernel = kernel.contiguous(memory_format=torch.channels_last)
    flops = {
        "matrices": 2 * SIDE**3,
        "convolution": 2 * 9 * CHANNELS**2 * images.shape[2] * images.shape[3] * CONVOLVED,
    }
    with torch.no_grad():
        seconds = interleaved(
            {
                "matrices": doing(torch.mm, a, b),
                "convolution": doing(lambda: F.conv2d(images, kernel, padding=1)),
            },
            REPEATS,
        )
    found = {name: flops[name] / min(taken) / 1e9 for name, taken in seconds.items()}
    best = max(found, key=found.__getitem__)
    return found[best], ", ".join(f"{name} {value:.0f}" for name, value in found.items())


def _bandwidth() -> float:
    source = torch.ones(COPIED, dtype=torch.uint8)
    target = torch.empty_like(source)
    seconds = interleaved({"copy": doing(lambda: target.copy_(source))}, REPEATS)["copy"]
    return 2 * COPIED / min(seconds) / 1e9


def _stages(precision: str) -> list[tuple[str, int, Callable[[], None]]]:
    """Name, images and work of each stage."""
    found = [
        (
            f"targets: {material.TEACHER} forward",
            FORWARD_IMAGES,
            loops.resident_forward(precision, FORWARD_IMAGES),
        )
    ]
    for student in material.STUDENTS:
        steps = loops.resident_steps(student, precision, 1)
        found.append((f"student step, {student}", material.BATCH, steps))
    if precision == "fp32":
        split = material.noise(material.BATCH)
        policy, ids = make_policy(material.VIEWS), torch.arange(material.BATCH)
        views = doing(lambda: material.NORMALISATION(policy.render(split.images, ids)))
        found.append(("views, rendered and normalised", material.BATCH, views))
    return found


def _stage(
    what: str,
    precision: str,
    images: int,
    work: Callable[[], None],
    peak: float,
    bandwidth: float,
) -> Row:
    work()
    with FlopCounterMode(display=False) as operations:
        work()
    with Bytes() as moved:
        work()
    seconds = statistics.median(interleaved({"stage": work}, STUDENT_REPEATS)["stage"])
    flops, bytes_ = operations.get_total_flops() / images, moved.total / images
    least = max(flops / peak, bytes_ / bandwidth) / 1e9
    return Row(
        10,
        what,
        against="the nearer ceiling",
        precision=precision,
        ours=1000 * seconds / images,
        theirs=1000 * least,
        unit="ms/image",
        ratio=least / (seconds / images),
        note=(
            f"{flops / 1e6:,.0f} MFLOP and {bytes_ / 1e6:.1f} MB an image: "
            f"{flops * images / seconds / 1e9 / peak:.0%} of the peak, "
            f"{bytes_ * images / seconds / 1e9 / bandwidth:.0%} of the bandwidth"
        ),
    )
