"""An analysis of another package is drawn, summed up and written about as this package's own."""

from __future__ import annotations

import re
import sys

import pandas as pd
import pytest

from distilscope import registry, store
from distilscope.measuring.rows import columns
from distilscope.reporting import figures, summary

from . import artists, made_models, made_tables
from .conftest import Study

MODULE = """
from matplotlib.figure import Figure as Picture

from distilscope import registry
from distilscope.analyses.declaration import Analysis, Column, Figure, Measure, Section, Table
from distilscope.configuration.kinds import Section as Settings
from distilscope.reporting.conditions import estimate, estimates
from distilscope.reporting.grid import Grid

CAPTION = "How long a <word> is. [twin: A twin is there.] [committee: A committee is there.]"


def draw(tables):
    figure = Picture()
    rows = tables.headline("length")
    figure.subplots().bar(range(len(tables.conditions)), [
        estimate(condition, rows).value for condition in tables.conditions
    ])
    return figure, estimates(tables.conditions, rows)


def context(tables):
    lines = tables["lengths"].itertuples(index=False)
    return {"grid": Grid("Lengths", ("Model", "Length"), list(lines))}


def answer(tables):
    return ["Lengths were measured & told."]


registry.add(
    Analysis(
        name="lengths",
        question="How long are its words?",
        section=Settings,
        measures={"length": Measure(better="lower", words="Length")},
        tables={"lengths": Table(("model", "length"))},
        figures={
            "lengths": Figure("lengths_analysis:draw", "Lengths", "Bars of lengths.", CAPTION),
            "none": Figure("x:y", "Never", "Never.", "Never.", wanted="lengths_analysis:never"),
        },
        sections=(Section("lengths", "All lengths", "lengths.html", "lengths_analysis:context"),),
        summary=(Column("length", "Length", "letters of a word", short="len", better="lower"),),
        answer="lengths_analysis:answer",
    )
)


def never(conditions):
    return False
"""
TEMPLATE = """{% import "macros.html" as page %}
{{ page.folded("Every length", grid) }}
"""


LENGTHS = (3.0, 4.0, 5.0, 6.0)


class Builder(made_tables.Builder):
    """Adds the numbers of that analysis."""

    def measure(self) -> pd.DataFrame:
        super().measure()
        for made, length in zip(self.models, LENGTHS, strict=True):
            self.add(made, "length", length, 0.1)
        return pd.DataFrame(self.rows).reindex(columns=columns(()))


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A study of outputs and of an analysis that lies outside the package."""
    (tmp_path / "lengths_analysis.py").write_text(MODULE)
    (tmp_path / "lengths.html").write_text(TEMPLATE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_added", {})
    registry.load(["lengths_analysis"])
    study = Study(
        tmp_path / "study",
        Builder(made_models.default_models()[:4], explored=2, images=40),
        {"outputs": {}, "lengths": {}},
    )
    tables, _ = study.builder.write(study.folder)
    store.write_table(
        tables / "lengths.parquet",
        pd.DataFrame({"model": [made.id for made in study.builder.models], "length": LENGTHS}),
    )
    yield study
    sys.modules.pop("lengths_analysis")


def test_its_figure_column_section_and_sentence_are_in_the_report(made):
    names = made.settings["figures"]
    assert "lengths" in names and "none" not in names
    figure, _ = figures.draw("lengths", made.tables())
    assert [height for *_, height in artists.bars(figure.axes[0])] == [3.0, 4.0, 5.0, 6.0]
    made.draw()
    page = made.report()
    text = page.read_text(encoding="utf-8")
    assert "Lengths were measured &amp; told." in text
    assert "How long a &lt;word&gt; is. A twin is there." in text and "committee" not in text
    assert re.search(r'<h3 id="lengths">All lengths</h3>.*?<td>6.0</td>', text, re.DOTALL)
    assert "<dt>Length</dt><dd>letters of a word.</dd>" in text
    rows = {row.condition.label: row for row in summary.summarise(made.tables())}
    assert "length" in rows["medium T=2"].best
    assert " len" in (page.parent / "summary.txt").read_text().splitlines()[0]
