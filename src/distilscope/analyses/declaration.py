"""What an analysis declares of itself: read while the plan is made, without torch or pandas.

An analysis is a folder here, or a module of the user's. Everything that computes is named by a
dotted path, `module:function`, and is imported by the job that calls it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from distilscope.configuration.kinds import Strict


@dataclass(frozen=True)
class Measure:
    """A number computed from observations; docs/measures.md has its definition under its name.

    Attributes:
        unit: `fraction`, `nats` or nothing.
        better: `higher`, `lower`, or nothing where neither is meant.
        words: what it is, for the report's table of measures; nothing where it is not shown there.
    """

    unit: str = ""
    better: str = ""
    words: str = ""


@dataclass(frozen=True)
class Table:
    """A table that an analysis writes beside `measures.parquet`.

    Attributes:
        columns: those that its figures and section read; a table that lacks one is refused.
    """

    columns: tuple[str, ...]


@dataclass(frozen=True)
class Figure:
    """A figure of the report.

    Attributes:
        draw: dotted path of `fig(tables) -> (Figure, DataFrame)`.
        title: heading, which a study's settings may replace.
        alt: what it shows, for people who don't see it.
        caption: how to read it, in full sentences. `[twin: ...]` is for studies that have a twin,
            and so for each role.
        wanted: dotted path of `wanted(tables) -> str | None`: why a study has nothing to draw
            here, so that the figure is left out of its report; None draws always.
    """

    draw: str
    title: str
    alt: str
    caption: str
    wanted: str | None = None


@dataclass(frozen=True)
class Section:
    """A section of the report.

    Attributes:
        title: its heading. template: file beside the analysis' `__init__.py`.
        context: dotted path of `context(tables) -> mapping | None`; None leaves the section out.
    """

    title: str
    template: str
    context: str


@dataclass(frozen=True)
class Form:
    """A form of statement that claims may have.

    Attributes:
        takes: the typed statement. contrasts: dotted path of
            `contrasts(statement, values) -> list[Contrast]`.
    """

    takes: type[Strict]
    contrasts: str


@dataclass(frozen=True)
class Analysis:
    """A question put to a study.

    Attributes:
        name: key under `analyses` in the configuration, and value of the column `analysis`.
        question: the question in a sentence.
        section: typed settings under that key.
        measures: name -> what it is.
        needs: what it reads of a model on the test probe: `logits`, `saliency`, `features`.
        places: columns of `measures.parquet` that say where a number of it holds.
        tables, figures, sections, forms: by name, in the order of the report.
        plan: dotted path of a subclass of `planning.hooks.AnalysisPlan`: what is to be observed,
            compared and made for it. None: nothing but what every study has.
        compare: dotted path of `compare(pair, settings) -> {file name: DataFrame}`: what a
            comparison of a model with a reference holds of it.
        measure: dotted path of `measure(study, settings) -> {table name: DataFrame}`; it adds rows
            to `measures.parquet` by `study.rows`.
        conclude: dotted path of `conclude(study, settings, measures) -> {table name: DataFrame}`:
            tables that are made of the numbers of all analyses.
        answer: dotted path of `answer(tables) -> list[str]`: sentences at the top of the report.
    """

    name: str
    question: str
    section: type[Strict]
    needs: tuple[str, ...] = ("logits",)
    measures: Mapping[str, Measure] = field(default_factory=dict)
    places: tuple[str, ...] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    forms: Mapping[str, Form] = field(default_factory=dict)
    plan: str | None = None
    compare: str | None = None
    measure: str | None = None
    conclude: str | None = None
    answer: str | None = None


def nulled(measures: Mapping[str, Measure], stem: str) -> dict[str, Measure]:
    """The nulls of a family of measures, generated: `<stem>_<name>` has the unit of `name`."""
    return {f"{stem}_{name}": Measure(unit=found.unit) for name, found in measures.items()}
