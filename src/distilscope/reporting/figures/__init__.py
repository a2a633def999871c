"""Every figure of the report: a function of the study's tables, by name."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from distilscope import catalog, store
from distilscope.planning.job import Job
from distilscope.reporting import style
from distilscope.reporting.cells import roles
from distilscope.reporting.figures.words import OF_PARTS, WORDS, Words
from distilscope.reporting.reading import read
from distilscope.reporting.tables import Tables
from distilscope.workflow import provenance
from distilscope.workflow.forked import side_by_side

Drawing = tuple[Figure, pd.DataFrame]


def words(name: str, tables: Tables) -> Words:
    """The text of a figure of this study.

    It speaks of the roles that there are, and its parts are regions where nobody named them.
    """
    own = WORDS[name].of(roles(tables.cells))
    if name not in OF_PARTS:
        return own
    return Words(**{key: tables.of_parts(text) for key, text in dataclasses.asdict(own).items()})


def heading(name: str, tables: Tables) -> str:
    """The title of a figure: the study's, or else its own."""
    return tables.titles.get(name, words(name, tables).title)


def load(name: str) -> Callable[[Tables], Drawing]:
    """The function behind a figure of the catalogue."""
    module, function = catalog.lookup(catalog.FIGURES, name, "figure").split(":")
    return getattr(importlib.import_module(module), function)


def draw(name: str, tables: Tables) -> Drawing:
    """The figure called `name` and its numbers, in the style of this package."""
    with style.applied():
        return load(name)(tables)


def write(name: str, tables: Tables, folder: Path) -> None:
    """Write `<name>.svg`, `<name>.png` and `<name>.csv` into the folder."""
    with style.applied():
        figure, numbers = load(name)(tables)
        with store.atomic(folder / f"{name}.png") as temporary:
            style.write_png(figure, temporary)
        with store.atomic(folder / f"{name}.svg") as temporary:
            style.write_svg(figure, temporary)
    store.write_csv(folder / f"{name}.csv", numbers)


def make(job: Job) -> None:
    """Draw every figure of a study into `job.folder`.

    Inputs: `tables`, `dataset`. Settings: `scale` (`laptop` or `paper`) and, optionally,
    `divergent` (images in that figure, 12) and `titles` (figure name -> title).
    """
    stopwatch = provenance.Stopwatch()
    stopwatch.phase("read")
    tables = read(job.input("tables"), job.input("dataset"), job.settings)
    stopwatch.phase("draw")
    side_by_side(lambda name: write(name, tables, job.folder), list(catalog.FIGURES), job.processes)
    provenance.write_run(job, stopwatch, {"figures": list(catalog.FIGURES)})
