"""The figures of a study's analyses: each a function of its tables, by name."""

from __future__ import annotations

import pkgutil
import re
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from distilscope import store
from distilscope.analyses.declaration import Analysis
from distilscope.analyses.declaration import Figure as Declared
from distilscope.planning.job import Job
from distilscope.reporting import style
from distilscope.reporting.conditions import roles
from distilscope.reporting.reading import read
from distilscope.reporting.tables import Tables
from distilscope.workflow import provenance
from distilscope.workflow.forked import side_by_side

Drawing = tuple[Figure, pd.DataFrame]
_OF_A_ROLE = re.compile(r"\[([a-z-]+): ([^\]]*)\] ?")


class NothingToDraw(Exception):
    """No number that a figure shows is defined in this study; the message says so."""


@dataclass(frozen=True)
class Shown:
    """A figure of a study: its declaration in the words of the study."""

    name: str
    analysis: Analysis
    declared: Declared

    def draw(self, tables: Tables) -> Drawing:
        """The picture and its numbers; a line of text where nothing can be drawn."""
        try:
            figure, numbers = pkgutil.resolve_name(self.declared.draw)(tables)
        except NothingToDraw as why:
            figure, numbers = style.empty(str(why))
        of = figure.get_suptitle()  # whom it shows, where that is one of several
        title = f"{self.declared.title}: {of}" if of else self.declared.title
        style.title(figure, title, tables.scale)
        return figure, numbers


def shown(tables: Tables) -> dict[str, Shown]:
    """The figures of a study by name, in the order of the report."""
    asked = tables.settings.get("figures")
    return {
        name: Shown(name, analysis, _worded(name, figure, analysis, tables))
        for analysis in tables.analyses
        for name, figure in analysis.figures.items()
        if asked is None or name in asked
    }


def _worded(name: str, figure: Declared, analysis: Analysis, tables: Tables) -> Declared:
    """A figure whose text speaks of the roles that there are, in the words of the study."""
    there = roles(tables.conditions)
    caption = _OF_A_ROLE.sub(
        lambda found: f"{found[2]} " if found[1] in there else "", figure.caption
    ).strip()
    own = {
        key: worded(text, analysis, tables)
        for key, text in {"title": figure.title, "alt": figure.alt, "caption": caption}.items()
    }
    own["title"] = tables.settings.get("titles", {}).get(name, own["title"])
    return replace(figure, **own)


def worded(text: str, analysis: Analysis, tables: Tables) -> str:
    """A text of an analysis in the words of the study."""
    return pkgutil.resolve_name(analysis.wording)(text, tables) if analysis.wording else text


def draw(name: str, tables: Tables) -> Drawing:
    """The figure called `name` and its numbers, in the style of this package."""
    with style.applied():
        return shown(tables)[name].draw(tables)


def write(name: str, tables: Tables, folder: Path) -> None:
    """Write `<name>.svg`, `<name>.png` and `<name>.csv` into the folder."""
    with style.applied():
        figure, numbers = shown(tables)[name].draw(tables)
        with store.atomic(folder / f"{name}.png") as temporary:
            style.write_png(figure, temporary)
        with store.atomic(folder / f"{name}.svg") as temporary:
            style.write_svg(figure, temporary)
    store.write_csv(folder / f"{name}.csv", numbers)


def make(job: Job) -> None:
    """Draw the figures of a study into `job.folder`.

    Inputs: `tables`, `dataset`. Settings: as `Tables` has them.
    """
    stopwatch = provenance.Stopwatch()
    stopwatch.phase("read")
    tables = read(job.input("tables"), job.input("dataset"), job.settings)
    stopwatch.phase("draw")
    names = list(shown(tables))
    side_by_side(lambda name: write(name, tables, job.folder), names, job.processes)
    provenance.write_run(job, stopwatch, {"figures": names})
