"""Rows 1 and 3: the training loop and tabulating against what the processor could do."""

from __future__ import annotations

from pathlib import Path

from distilscope.training.signals import Signal
from distilscope.workflow import progress

from . import loops, material
from .timing import Goal, Row, compared, interleaved

STEPS = 4
STUDENT_REPEATS, TARGET_REPEATS, REPORTING_REPEATS = 3, 3, 7
TARGET_IMAGES = 128


def students(place: Path) -> tuple[list[Row], str]:
    """Row 1: images/s of the real loop as a share of forward, backward and step alone."""
    images = STEPS * material.BATCH
    signal = loops.table(place, images)
    rows = []
    for precision in material.PRECISIONS:
        for student in material.STUDENTS:
            seconds = interleaved(
                {
                    "ours": loops.second_epoch(place, student, precision, images, signal),
                    "limit": loops.resident_steps(student, precision, STEPS),
                },
                STUDENT_REPEATS,
            )
            rows.append(
                compared(
                    1,
                    f"student step of the real loop, {student}",
                    seconds["ours"],
                    seconds["limit"],
                    Goal(0.9),
                    scale=1000 / images,
                    against="forward + backward + optimiser, resident random tensors",
                    precision=precision,
                    note=f"batch {material.BATCH}, {STEPS} steps a repeat",
                )
            )
    return [*rows, reporting(place, images, signal)], ""


def reporting(place: Path, images: int, signal: Signal) -> Row:
    """A loop whose job reports its progress beside one whose job does not; smallest network."""
    student = material.STUDENTS[0]
    silent = loops.second_epoch(place, student, "fp32", images, signal)

    def reported() -> float:
        with progress.reported(student, place / "progress.json"):
            return silent()

    seconds = interleaved({"ours": reported, "limit": silent}, REPORTING_REPEATS)
    return compared(
        1,
        f"a loop that reports its progress, {student}",
        seconds["ours"],
        seconds["limit"],
        scale=1000 / images,
        against="the same loop, silent",
        precision="fp32",
        note=f"batch {material.BATCH}, {STEPS} steps a repeat",
    )


def targets(place: Path) -> tuple[list[Row], str]:
    """Row 3: images/s of tabulating as a share of forward alone."""
    rows = []
    for precision in material.PRECISIONS:
        seconds = interleaved(
            {
                "ours": loops.tabulated(place, precision, TARGET_IMAGES),
                "limit": loops.resident_forward(precision, TARGET_IMAGES),
            },
            TARGET_REPEATS,
        )
        rows.append(
            compared(
                3,
                f"targets of {material.TEACHER}",
                seconds["ours"],
                seconds["limit"],
                Goal(0.95),
                scale=1000 / TARGET_IMAGES,
                against="forward only, resident tensors",
                precision=precision,
                note=f"batch {TARGET_IMAGES}; a study's is 256",
            )
        )
    return rows, ""
