"""Models and a study in memory, for what needs no files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from distilscope.measuring.entries import Entry
from distilscope.measuring.observations import Outputs
from distilscope.measuring.rows import Rows
from distilscope.measuring.study import Study
from distilscope.planning.job import Job

FOLDER = Path("nowhere")


def made_entry(
    name: str,
    role: str = "student",
    condition: str = "",
    seed: int = 1,
    references: Iterable[tuple[str, str]] = (),
    folder: Path = FOLDER,
) -> Entry:
    """A model, and what it is compared with: (reference, relation)."""
    return Entry(
        id=name,
        condition=condition or name,
        role=role,
        network="net",
        source="trained",
        architecture=None,
        seed=seed,
        teachers=(),
        identity="0" * 12,
        explained=(),
        folder=FOLDER,
        observation=FOLDER,
        references=tuple((reference, relation, folder) for reference, relation in references),
    )


def made_study(
    entries: Iterable[Entry], images: int, classes: int, outputs: dict[str, Outputs] | None = None
) -> Study:
    """A study of so many images, without held-out images."""
    rows = Rows("made-up", "test", ("outputs",), analysis="outputs")
    label = np.arange(images) % classes
    same = Outputs(np.arange(images), label, np.eye(classes)[label], FOLDER)
    return Study(
        name="made-up",
        job=Job("tables", "made-up", "0" * 12, {}, {}, FOLDER),
        entries=tuple(entries),
        conditions={},
        classes=classes,
        outputs=outputs or {"": same},
        held_out={},
        replicates=20,
        level=0.95,
        seed=0,
        rows=rows,
    )
