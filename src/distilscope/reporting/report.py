"""`report.html`: the answer, the evidence by analysis, and the method, in one file."""

from __future__ import annotations

import base64
import hashlib
import json
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from distilscope import store, words
from distilscope.analyses.declaration import Analysis
from distilscope.planning.job import Job
from distilscope.reporting import appendix, figures, findings, runs, summary, verdicts
from distilscope.reporting.figures import Shown
from distilscope.reporting.formatting import code_set_off
from distilscope.reporting.grid import Grid, text
from distilscope.reporting.reading import read
from distilscope.reporting.style import EMPTY
from distilscope.reporting.tables import Tables, clean
from distilscope.reporting.units import in_units, own_words
from distilscope.workflow import provenance

MAX_BYTES = 25_000_000
MAX_TABLE_ROWS = 400


class PageTooLarge(ValueError):
    """The report is over the size that opens comfortably from a mail or a web page."""


def make_report(job: Job) -> None:
    """Write `report.html` and `summary.txt` (the summary for a terminal) into `job.folder`.

    Inputs: `tables`, `dataset`, `figures`. Settings: as `Tables` has them, and optionally
    `configuration` (the study's, resolved) and `precision`. Information: `title`.

    Raises:
        PageTooLarge: the page would be over 25 MB. DamagedFile: an input was altered.
    """
    stopwatch = provenance.Stopwatch()
    stopwatch.phase("read")
    tables = read(job.input("tables"), job.input("dataset"), job.settings)
    recorded = store.read_json(job.input("tables") / store.RUNS_FILE)
    own = (job.input(role) / store.RUN_FILE for role in ("tables", "figures"))
    recorded += provenance.collect(path for path in own if path.is_file())
    stopwatch.phase("write")
    title = job.information.get("title", "Reasoning consistency")
    page = render(
        tables,
        job.input("figures"),
        recorded,
        title=title,
        identity=job.identity,
    )
    unit = job.settings.get("unit", "images")
    theirs = own_words(tables, recorded, title)
    page = in_units(page, unit, theirs)
    size = len(page.encode("utf-8"))
    if size > MAX_BYTES:
        raise PageTooLarge(
            f"the report of {job.slug} would be {size / 1e6:.0f} MB; at most "
            f"{MAX_BYTES / 1e6:.0f} MB are accepted: lower `report.explorer`, the images that it "
            "lists of each model"
        )
    store.write_text(job.folder / "report.html", page)
    store.write_text(job.folder / "summary.txt", in_units(summary.text(tables), unit, theirs))
    provenance.write_run(job, stopwatch, {"bytes": size})


def render(
    tables: Tables, folder: Path, recorded: list[Mapping[str, Any]], *, title: str, identity: str
) -> str:
    """The whole page as text; nothing in it is loaded from anywhere else.

    Args:
        folder: of the figures. recorded: what the jobs of the study recorded.
    """
    environment = _environment()
    rows = summary.summarise(tables)
    drawn = [_picture(shown, folder) for shown in figures.shown(tables).values()]
    sections = [s for a in tables.analyses for s in _sections(a, tables, environment)]
    style, script = _source("report.css"), "".join(section.script for section in sections)
    settings = {k: tables.settings[k] for k in ("precision",) if k in tables.settings}
    return environment.get_template("report.html").render(
        title=clean(title),
        scale=tables.scale,
        identity=identity,
        style=style,
        script=script,
        policy=_policy(style, script),
        answer=findings.answer(tables, rows),
        caveats=findings.caveats(tables),
        who=findings.roles_in_words(tables),
        method=findings.method(tables),
        summary=summary.grid(tables, rows, {section.id for section in sections}),
        meanings=summary.meanings(tables),
        warnings=runs.warnings(recorded),
        claims=verdicts.section(tables),
        printed=verdicts.printed(tables),
        evidence=_by_analysis(tables, drawn, sections),
        undrawn=[picture for picture in drawn if picture.why_empty],
        alone=[section for section in sections if section.alone],
        over_seeds=appendix.over_seeds(tables),
        undefined=appendix.undefined_grid(tables),
        configuration=runs.settings_grid({**tables.settings.get("configuration", {}), **settings}),
        spent=runs.spent_grid(recorded),
        carried=runs.carried_grid(recorded),
        machines=runs.machines(recorded),
        artefacts=runs.artefacts_grid(recorded),
        classes=tables.classes,
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("distilscope.reporting", "templates"),
        autoescape=True,
        finalize=code_set_off,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "counted": words.count,
        "embedded": _embedded,
        "text": text,
    }
    return environment


def _source(name: str) -> str:
    return (resources.files("distilscope.reporting") / "templates" / name).read_text(
        encoding="utf-8"
    )


def _policy(style: str, script: str) -> str:
    """A Content-Security-Policy: its own script, style and pictures, no network."""
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (style, script)
    )
    return (
        f"default-src 'none'; script-src 'sha256-{script_hash}'; "
        f"style-src 'sha256-{style_hash}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _embedded(value: Any) -> Markup:
    """JSON that can't end the script element it stands in, whatever text it holds."""
    found = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for char in "<>&":
        found = found.replace(char, f"\\u{ord(char):04x}")
    return Markup(found)


# ----------------------------------------------------------------------------------- evidence


@dataclass
class Picture:
    """A figure in the page: a data URL, its text and its numbers."""

    name: str
    analysis: str
    lead: str
    alt: str
    caption: str
    url: str
    grid: Grid
    total: int
    why_empty: str | None
    number: int = 0


@dataclass(frozen=True)
class Section:
    """A section in the page, rendered."""

    id: str
    analysis: str
    title: str
    html: Markup
    alone: bool
    script: str


def _picture(shown: Shown, folder: Path) -> Picture:
    picture, numbers = folder / f"{shown.name}.svg", folder / f"{shown.name}.csv"
    for path in (picture, numbers):
        store.verify(path)
    # A column that is all text or empty must come back as it was written.
    table = pd.read_csv(numbers, dtype=str, keep_default_na=False)
    kept = table.head(MAX_TABLE_ROWS)
    title, caption = clean(shown.declared.title), clean(shown.declared.title)
    if len(table) > len(kept):
        caption += (
            f": the first {len(kept)} of {len(table)} rows; all are in {shown.name}.csv beside "
            "the figure"
        )
    return Picture(
        name=shown.name,
        analysis=shown.analysis.name,
        lead=title if title.endswith((".", "?", "!")) else f"{title}.",
        alt=shown.declared.alt,
        caption=shown.declared.caption,
        url="data:image/svg+xml;base64," + base64.b64encode(picture.read_bytes()).decode(),
        grid=Grid(
            f"Numbers of: {title}",
            [clean(column) for column in table.columns],
            [[_short(value) for value in row] for row in kept.to_numpy()],
            caption=caption,
        ),
        total=len(table),
        why_empty=clean(table[EMPTY].iloc[0]) if EMPTY in table else None,
    )


def _short(written: str) -> str:
    """A number to six figures, anything else as it is."""
    try:
        return written if len(written) <= 8 else f"{float(written):.6g}"
    except ValueError:
        return written


def _sections(
    analysis: Analysis, tables: Tables, environment: jinja2.Environment
) -> Iterator[Section]:
    """The sections of an analysis that this study has something to say in."""
    for declared in analysis.sections:
        context = pkgutil.resolve_name(declared.context)(tables)
        if context is not None:
            template, *scripts = (path.read_text(encoding="utf-8") for path in declared.files)
            yield Section(
                id=declared.id,
                analysis=analysis.name,
                title=figures.worded(declared.title, analysis, tables),
                html=Markup(environment.from_string(template).render(**context)),
                alone=declared.alone,
                script="".join(scripts),
            )


def _by_analysis(
    tables: Tables, drawn: list[Picture], sections: list[Section]
) -> list[dict[str, Any]]:
    """What the evidence shows, by the question that it answers; figures are numbered through."""
    numbers, found = count(1), []
    for analysis in tables.analyses:
        own = [p for p in drawn if p.analysis == analysis.name and not p.why_empty]
        for picture in own:
            picture.number = next(numbers)
        beside = [s for s in sections if s.analysis == analysis.name and not s.alone]
        if own or beside:
            group = {"name": analysis.name, "question": analysis.question}
            found.append({**group, "figures": own, "sections": beside})
    return found
