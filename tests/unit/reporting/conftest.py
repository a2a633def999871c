"""One made-up study, drawn and reported once for all tests of this room."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from distilscope import registry, store
from distilscope.planning.job import Job
from distilscope.reporting import figures, report
from distilscope.reporting.reading import read
from distilscope.reporting.tables import Tables
from distilscope.workflow import provenance

from . import made_models, made_tables

HOSTILE = (
    "</script><script>alert(1)</script>",
    "$\\frac{1}{0}$ & <b>",
    "\"'quoted'\" -->",
    "鞋子 👟",
    "a very long name of a class that no figure has room for",
    "line\nbreak\u2028here\ud800",
)


@dataclass(frozen=True)
class Study:
    """A study on disk."""

    folder: Path
    builder: made_tables.Builder

    @property
    def inputs(self) -> dict[str, str]:
        return {name: str(self.folder / name) for name in ("tables", "dataset", "figures")}

    analyses: Mapping[str, Mapping] = field(default_factory=lambda: made_tables.EVERY)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the jobs: the figures are those that the plan wants."""
        conditions = [made.as_condition for made in self.builder.models]
        on = [each for name, each in registry.analyses().items() if name in self.analyses]
        wanted = [name for analysis in on for name in analysis.figures_of(conditions)]
        return {"scale": "laptop", "analyses": self.analyses, "figures": wanted}

    def tables(self, settings: Mapping[str, Any] | None = None, **changes) -> Tables:
        merged = {**self.settings, **(settings or {})}
        found = read(self.folder / "tables", self.folder / "dataset", merged)
        return replace(found, **changes)

    def draw(self, **settings) -> Path:
        merged = {**self.settings, **settings}
        figures.make(Job("figures", "f", "0" * 12, merged, self.inputs, self.figures))
        return self.figures

    @property
    def figures(self) -> Path:
        return self.folder / "figures"

    def report(
        self, title: str = "A made-up study", warnings=(), into="report", **settings
    ) -> Path:
        runs = []
        for kind, slug in (("model", "teacher-s1"), ("model", "x<y>"), ("comparison", "pair")):
            runs.append(str(self.folder / "runs" / slug / "run.json"))
            stopwatch = provenance.Stopwatch()
            stopwatch.phase("work")
            job = Job(kind, slug, "ab" * 6, {}, {}, Path(runs[-1]).parent)
            provenance.write_run(job, stopwatch, {"notes": list(warnings)})
        folder = self.folder / into
        merged = {**self.settings, **settings}
        store.write_json(self.folder / "tables" / "runs.json", provenance.collect(runs))
        information = {"title": title}
        report.make_report(Job("report", "r", "1" * 12, merged, self.inputs, folder, information))
        return folder / "report.html"


def build(folder: Path, **settings) -> Study:
    """Write the tables of a study; `settings` as `made_tables.Builder` takes them."""
    settings.setdefault("models", made_models.default_models())
    builder = made_tables.Builder(**settings)
    builder.write(folder)
    return Study(folder, builder)


def given(folder: Path) -> Study:
    """An audit: a teacher and a student whose weights were handed in."""
    models = [
        made_models.Made("teacher-s1", "teacher", "resnet18", None, None, 0.95, kind="given"),
        made_models.Made("shipped", "student", "small", None, None, 0.6, kind="given"),
    ]
    return build(folder, models=models)


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Study:
    """The default study, with its figures."""
    made = build(tmp_path_factory.mktemp("study"))
    made.draw()
    return made


@pytest.fixture(scope="session")
def page(study) -> Path:
    """The default study's report."""
    return study.report(precision="bf16", configuration={"seeds": [1], "data": {"x": None}})


@pytest.fixture(scope="session")
def hostile(tmp_path_factory) -> Study:
    """A small study whose classes and students have names made to break a page or a figure."""
    models = [
        made_models.Made("teacher-s1", "teacher", "resnet18", None, None, 0.95),
        made_models.Made("<img src=x onerror=alert(2)>", "student", "a<b>&\"'$x$", 4.0, 0.9, 0.7),
    ]
    made = build(tmp_path_factory.mktemp("hostile"), models=models, classes=HOSTILE, explored=12)
    made.draw()
    return made


class Reader(HTMLParser):
    """Collects elements with attributes, text outside scripts, and scripts."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.text, self.scripts, self._open = [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open = (tag, dict(attrs)) if tag in ("script", "style") else None

    def handle_endtag(self, tag):
        self._open = None

    def handle_data(self, data):
        if self._open is None:
            self.text.append(data)
        else:
            self.scripts.append((*self._open, data))

    def of(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture(scope="module")
def read_page(page):
    store.verify(page)
    return Reader(page.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def read_hostile(hostile):
    title = "</title><script>alert(3)</script>"
    configuration = {"<key>": "\"</td><img src=x>'"}
    page = hostile.report(title=title, configuration=configuration)
    return Reader(page.read_text(encoding="utf-8"))


def explorer_data(reader):
    (found,) = [body for tag, attrs, body in reader.scripts if attrs.get("id") == "explorer-data"]
    return json.loads(found)
