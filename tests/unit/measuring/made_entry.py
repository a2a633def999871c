"""Models and a study in memory, for what needs no files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from distilscope import store
from distilscope.measuring.entries import Entry
from distilscope.measuring.observations import Outputs
from distilscope.measuring.rows import Rows
from distilscope.measuring.study import Study
from distilscope.planning.job import Job

FOLDER = Path("nowhere")


def made_entry(
    id: str,
    role: str = "student",
    condition: str = "",
    seed: int = 1,
    references: Iterable[tuple[str, str]] = (),
    compared_in: Path | None = FOLDER,
    **own,
) -> Entry:
    """A model, and what it is compared with: (reference, relation).

    `compared_in` is the folder of its comparisons; `own` are other fields of an entry.
    """
    usual = {
        "network": "net",
        "source": "trained",
        "architecture": None,
        "teachers": (),
        "identity": "0" * 12,
        "explained": (),
        "folder": FOLDER,
        "observation": FOLDER,
    }
    return Entry(
        id=id,
        condition=condition or id,
        role=role,
        seed=seed,
        references=tuple((name, relation, compared_in) for name, relation in references),
        **{**usual, **own},
    )


def made_study(
    entries: Iterable[Entry],
    images: int,
    classes: int,
    outputs: dict[str, Outputs] | None = None,
    analyses: tuple[str, ...] = ("outputs",),
    **own,
) -> Study:
    """A study of so many images, without held-out images; `own` are other fields of a study.

    Rows are those of the first of its analyses.
    """
    label = np.arange(images) % classes
    same = Outputs(np.arange(images), label, np.eye(classes)[label], FOLDER)
    usual = {
        "job": Job("tables", "made-up", "0" * 12, {}, {}, FOLDER),
        "conditions": {},
        "held_out": {},
        "replicates": 20,
    }
    return Study(
        name="made-up",
        entries=tuple(entries),
        classes=classes,
        outputs=outputs or {"": same},
        level=0.95,
        seed=0,
        rows=Rows("made-up", "test", analyses, analysis=analyses[0]),
        **{**usual, **own},
    )


def tables_job(folder: Path, classes: Iterable[str], labels: dict[str, str], **data) -> Job:
    """The job of such a study on disk: a dataset of these classes, and each condition's label."""
    store.write_json(folder / "data" / "manifest.json", {"classes": list(classes), **data})
    settings = {"conditions": {name: {"label": label} for name, label in labels.items()}}
    inputs = {"dataset": str(folder / "data")}
    return Job("tables", "made-up", "0" * 12, settings, inputs, folder)
