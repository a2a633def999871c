"""Rows 8 and 9: two cores against one; more images, epochs and models; memory."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from distilscope.training import runtime

from . import loops, material, memory
from .timing import Goal, Row, compared, interleaved, single

STUDENT, PRECISION = "plain-small", material.PRECISIONS[-1]
CORES_STEPS, CORES_REPEATS = 8, 3
STEPS, EPOCHS, REPEATS = 4, 2, 3
FEW_IMAGES, MANY_IMAGES = 15_000, 45_000
LABEL_BYTES = 8
LOADING = (
    "import sys, time; from distilscope.data.dataset import load; data = load(sys.argv[1]); "
    "time.sleep(1)"
)
DOUBLED = Goal(2.1, at_most=True)


# -------------------------------------------------------------------------------------- cores


def cores(place: Path) -> tuple[list[Row], str]:
    """Row 8: two students side by side, one thread each, against one after the other."""
    images = CORES_STEPS * material.BATCH
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        seconds = interleaved(
            {
                "two": lambda: _side_by_side(pool, place, 2),
                "one": lambda: _side_by_side(pool, place, 1),
            },
            CORES_REPEATS,
        )
    row = compared(
        8,
        f"students side by side on two cores, {STUDENT}",
        [taken / 2 for taken in seconds["two"]],
        seconds["one"],
        Goal(1.7),
        scale=1000 / images,
        against="one core",
        precision=PRECISION,
        note=f"{CORES_STEPS} steps; a process and a thread a model",
    )
    return [row], ""


def _side_by_side(pool: ProcessPoolExecutor, place: Path, students: int) -> float:
    """Seconds from the first start to the last end of so many students, each in its process."""
    asked = [pool.submit(_train_one, place / str(number)) for number in range(students)]
    begun, ended = zip(*(answer.result() for answer in asked), strict=True)
    return max(ended) - min(begun)


def _train_one(place: Path) -> tuple[float, float]:
    """When a student's training for an epoch began and ended."""
    runtime.prepare(1, "cpu")
    images = CORES_STEPS * material.BATCH
    signal = loops.table(place, images)
    begun = time.monotonic()
    loops.trained(place, STUDENT, PRECISION, images, 1, signal)
    return begun, time.monotonic()


# -------------------------------------------------------------------------------------- growth


def growth(place: Path) -> tuple[list[Row], str]:
    """Row 9: time with twice the epochs and images, memory with more images."""
    once = STEPS * material.BATCH
    signals = {n: loops.table(place, n) for n in (once, 2 * once)}

    def run(images: int, epochs: int) -> Callable[[], float]:
        def work() -> float:
            signal = signals[images]
            state = loops.trained(place, STUDENT, PRECISION, images, epochs, signal)
            return sum(state.seconds)

        return work

    seconds = interleaved(
        {
            "once": run(once, EPOCHS),
            "epochs": run(once, 2 * EPOCHS),
            "images": run(2 * once, EPOCHS),
        },
        REPEATS,
    )
    rows = [
        compared(
            9,
            f"training with twice the {what}, {STUDENT}",
            seconds[what],
            seconds["once"],
            DOUBLED,
            times_slower=True,
            unit="s",
            scale=1.0,
            against="half as many",
            precision=PRECISION,
        )
        for what in ("epochs", "images")
    ]
    return [*rows, _memory(place)], ""


def _memory(place: Path) -> Row:
    """What a job's memory grows by with each image, in units of the image itself."""
    peaks = {}
    for images in (FEW_IMAGES, MANY_IMAGES):
        folder = material.dataset_folder(place / f"memory-{images}", images)
        peaks[images] = memory.run(memory.python("-c", LOADING, str(folder)), place).peak
    resident = (MANY_IMAGES - FEW_IMAGES) * (3 * material.SIZE**2 + 2 * LABEL_BYTES)
    return single(
        9,
        "memory of a job for each image more",
        (peaks[MANY_IMAGES] - peaks[FEW_IMAGES]) / resident,
        "x the image",
        Goal(1.1, at_most=True),
        note=(
            f"peaks {peaks[FEW_IMAGES] / 2**20:.0f} and {peaks[MANY_IMAGES] / 2**20:.0f} MB with "
            f"{FEW_IMAGES:,} and {MANY_IMAGES:,} images loaded; no job but `tables`, `figures` and "
            "`report` gets other models than its own and its references"
        ),
    )
