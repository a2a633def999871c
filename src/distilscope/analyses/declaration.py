"""What an analysis declares of itself: read while the plan is made, without torch or pandas.

An analysis is a folder here, or a module of the user's. Everything that computes is named by a
dotted path, `module:function`, and is imported by the job that calls it.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from distilscope.configuration.kinds import Strict

if TYPE_CHECKING:
    from distilscope.planning.conditions import Condition


@dataclass(frozen=True)
class Measure:
    """A number computed from observations; docs/measures.md has its definition under its name.

    Attributes:
        unit: `fraction`, `nats` or nothing.
        better: `higher`, `lower`, or nothing where neither is meant.
        words: what it is, for the report's table of measures; nothing where it is not shown there.
        of_share: whether its name ends in two digits, the percentage of a share that a setting
            chooses: where `iou20` is declared, `iou25` is a measure too.
    """

    unit: str = ""
    better: str = ""
    words: str = ""
    of_share: bool = False


@dataclass(frozen=True)
class Table:
    """A table that an analysis writes beside `measures.parquet`.

    Attributes:
        columns: those that its figures and section read; a table that lacks one is refused.
        pictures: whether its column `index` names images of the data set that are shown.
        wanted: as of a figure: whether a study of these conditions has rows for it.
    """

    columns: tuple[str, ...]
    pictures: bool = False
    wanted: str | None = None


@dataclass(frozen=True)
class Column:
    """A column of the summary: a headline measure, a row a condition.

    Attributes:
        measure: what it shows. title: its heading.
        meaning: what the number is, a clause.
        short: heading in a terminal, where there is room for few; None leaves it out there.
        note: a sentence under the terminal's table. form: how a number is written.
        times: what it is multiplied by before that.
        null: measure in brackets behind it, `null_meaning` what that is.
        interval: whether its interval is shown.
        better: `higher` or `lower`: who is told apart from all others is marked. None marks nobody.
        superlative: what the best is called in the answer; None where it isn't named there.
        traded: whether it counts for the Pareto front.
        details: id of the section that says more.
    """

    measure: str
    title: str
    meaning: str
    short: str | None = None
    note: str | None = None
    form: str = "{:.2f}"
    times: float = 1.0
    null: str | None = None
    null_meaning: str = ""
    interval: bool = False
    better: str | None = None
    superlative: str | None = None
    traded: bool = False
    details: str | None = None


@dataclass(frozen=True)
class Figure:
    """A figure of the report.

    Attributes:
        draw: dotted path of `fig(tables) -> (Figure, DataFrame)`, whose heading and layout the
            engine adds; it raises `NothingToDraw` where no number is defined.
        title: heading, which a study's settings may replace.
        alt: what it shows, for people who don't see it.
        caption: how to read it, in full sentences. `[twin: ...]` is for studies that have a twin,
            and so for each role.
        wanted: dotted path of `wanted(conditions) -> bool`: whether a study of these conditions has
            something to draw here. It is asked while the plan is made; None draws always.
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
        id: its anchor in the page. title: its heading.
        template: Jinja file beside the module of `context`.
        context: dotted path of `context(tables) -> mapping | None`; None leaves the section out.
        alone: whether it is a section of the page beside the evidence, and not a part of that.
        script: JavaScript file beside the template, which finds its data in the section.
    """

    id: str
    title: str
    template: str
    context: str
    alone: bool = False
    script: str | None = None

    @property
    def files(self) -> list[Path]:
        """Where its template is, and its script if it has one."""
        module = find_spec(self.context.partition(":")[0])
        names = (name for name in (self.template, self.script) if name)
        return [Path(module.origin).with_name(name) for name in names]


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
        modalities: of which kinds of examples it can be asked: keys of `catalog.MODALITIES`.
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
        summary: columns of the summary.
        answer: dotted path of `answer(tables) -> list[str]`: sentences at the top of the report.
        caveats: the same of what a reader must know before using a number of it.
        verdicts: dotted path of `verdicts(tables) -> list[dict]`: what is required of models, and
            whether they reach it, as `auditing.record.Required` has it.
        method: what the report says of how its numbers are made.
        wording: dotted path of `wording(text, tables) -> str`: a study's words for those of the
            titles, captions and `method` here.
    """

    name: str
    question: str
    section: type[Strict]
    needs: tuple[str, ...] = ("logits",)
    modalities: tuple[str, ...] = ("images",)
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
    summary: tuple[Column, ...] = ()
    answer: str | None = None
    caveats: str | None = None
    verdicts: str | None = None
    method: str = ""
    wording: str | None = None

    def declared(self, name: str) -> Measure | None:
        """The measure of that name, or the one that is of another share; None where it has none."""
        found = self.measures.get(name)
        if found is None and name[-2:].isdigit():
            of_shares = {known[:-2]: own for known, own in self.measures.items() if own.of_share}
            found = of_shares.get(name[:-2])
        return found

    @property
    def reported(self) -> list[str]:
        """Dotted paths of all that the report calls of it."""
        hooks = (self.answer, self.caveats, self.wording)
        return [*(section.context for section in self.sections), *filter(None, hooks)]

    def figures_of(self, conditions: Iterable[Condition]) -> list[str]:
        """The figures in which a study of these conditions has something to draw."""
        return _wanted(self.figures, conditions)

    def tables_of(self, conditions: Iterable[Condition]) -> list[str]:
        """The tables for which a study of these conditions has rows."""
        return _wanted(self.tables, conditions)


def _wanted(declared: Mapping[str, Figure | Table], conditions: Iterable[Condition]) -> list[str]:
    known = list(conditions)
    return [
        name
        for name, each in declared.items()
        if each.wanted is None or pkgutil.resolve_name(each.wanted)(known)
    ]


def nulled(measures: Mapping[str, Measure], stem: str) -> dict[str, Measure]:
    """The nulls of a family of measures, generated: `<stem>_<name>` has the unit of `name`."""
    return {
        f"{stem}_{name}": Measure(found.unit, of_share=found.of_share)
        for name, found in measures.items()
    }
