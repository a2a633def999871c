"""`report.html`: the answer, the evidence, an explorer and the method, in one file."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from distilscope import store, words
from distilscope.analyses.alignment import comparison
from distilscope.analyses.alignment import section as image_specific
from distilscope.analyses.parts import section as parts
from distilscope.analyses.shortcuts.section import shortcuts
from distilscope.planning.job import Job
from distilscope.reporting import appendix, explorer, figures, findings, runs, summary, verdicts
from distilscope.reporting.cells import Estimate, roles
from distilscope.reporting.figures.words import WORDS, sentence
from distilscope.reporting.reading import read
from distilscope.reporting.style import EMPTY
from distilscope.reporting.tables import Tables, clean
from distilscope.workflow import provenance

MOST_BYTES = 25_000_000
MOST_TABLE_ROWS = 400
EXPLORED = 200


class PageTooLarge(ValueError):
    """The report is over the size that opens comfortably from a mail or a web page."""


def make_report(job: Job) -> None:
    """Write `report.html` and `summary.txt` (the summary for a terminal) into `job.folder`.

    Inputs: `tables`, `dataset`, `figures`. Settings: `scale`, and optionally `configuration` (the
    study's, resolved), `precision`, `explorer` (most images a model in the page, 200) and
    `titles` as for the figures. Information: `title`.

    Raises:
        PageTooLarge: the page would be over 25 MB. DamagedFile: an input was altered.
    """
    stopwatch = provenance.Stopwatch()
    stopwatch.phase("read")
    tables = read(job.input("tables"), job.input("dataset"), job.settings)
    recorded = store.read_json(job.input("tables") / provenance.RUNS_FILE)
    own = (job.input(role) / store.RUN_FILE for role in ("tables", "figures"))
    recorded += provenance.collect(path for path in own if path.is_file())
    stopwatch.phase("write")
    page = render(
        tables,
        job.input("figures"),
        recorded,
        carried=runs.carried_over(recorded),
        title=job.information.get("title", "Reasoning consistency"),
        settings=_settings(job),
        identity=job.identity,
        explored=job.settings.get("explorer", EXPLORED),
    )
    size = len(page.encode("utf-8"))
    if size > MOST_BYTES:
        raise PageTooLarge(
            f"the report of {job.slug} would be {size / 1e6:.0f} MB; at most "
            f"{MOST_BYTES / 1e6:.0f} MB are accepted: list fewer images or models for the explorer"
        )
    store.write_text(job.folder / "report.html", page)
    store.write_text(job.folder / "summary.txt", summary.text(tables))
    provenance.write_run(job, stopwatch, {"bytes": size})


def _settings(job: Job) -> dict[str, Any]:
    """The configuration, with what was resolved while the plan was made."""
    resolved = {key: job.settings[key] for key in ("precision",) if key in job.settings}
    return {**job.settings.get("configuration", {}), **resolved}


def render(
    tables: Tables,
    folder: Path,
    recorded: list[Mapping[str, Any]],
    *,
    title: str,
    settings: Mapping[str, Any],
    identity: str,
    explored: int = EXPLORED,
    carried: Sequence[runs.CarriedOver] = (),
) -> str:
    """The whole page as text; nothing in it is loaded from anywhere else."""
    rows = summary.summarise(tables)
    style, script = _source("report.css"), _source("explorer.js")
    return (
        _environment()
        .get_template("report.html")
        .render(
            title=clean(title),
            scale=tables.scale,
            identity=identity,
            style=style,
            script=script,
            policy=_policy(style, script),
            answer=[clean(text) for text in findings.answer(tables, rows)],
            caveats=[clean(text) for text in findings.caveats(tables)],
            rows=rows,
            warnings=runs.warnings(recorded),
            roles=roles(tables.cells),
            meanings=summary.MEANINGS,
            subset=tables.subset_words,
            claims=verdicts.verdicts(tables),
            counted=verdicts.counted(verdicts.verdicts(tables)),
            trust_words=verdicts.TRUST_WORDS,
            printed=appendix.printed(tables),
            figures=[_figure(name, tables, folder) for name in WORDS],
            shortcuts=shortcuts(tables),
            explorer_json=_embedded(explorer.pack(tables, explored)),
            compared=comparison.blocks(tables),
            compared_columns=list(comparison.COLUMNS.values()),
            parts=parts.section(tables),
            image_specific=image_specific.rows(tables),
            over_seeds=appendix.over_seeds(tables),
            published=appendix.published(tables),
            undefined=appendix.undefined(tables),
            configuration=[(clean(k), clean(v)) for k, v in runs.flatten(settings)],
            runs=recorded,
            carried=carried,
            spent=runs.spent(recorded),
            machines=runs.distinct(recorded, "machine"),
            versions=runs.distinct(recorded, "versions"),
            classes=tables.classes,
        )
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("distilscope.reporting", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "estimate": spell,
        "counted": words.count,
        "count": summary.short_count,
        "seconds": spell_seconds,
        "text": lambda value: clean(str(value)),
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


def _embedded(value: Any) -> str:
    """JSON that can't end the script element it stands in, whatever text it holds."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


# ----------------------------------------------------------------------------------- evidence


def _figure(name: str, tables: Tables, folder: Path) -> dict[str, Any]:
    """A figure as a data URL, with its caption and its numbers."""
    picture, numbers = folder / f"{name}.svg", folder / f"{name}.csv"
    for path in (picture, numbers):
        store.verify(path)
    # A column that is all text or empty must come back as it was written.
    table = pd.read_csv(numbers, dtype=str, keep_default_na=False)
    own, title = figures.words(name, tables), clean(figures.heading(name, tables))
    return {
        "name": name,
        "title": title,
        "lead": sentence(title),
        "alt": own.alt,
        "caption": own.caption,
        "url": "data:image/svg+xml;base64," + base64.b64encode(picture.read_bytes()).decode(),
        "columns": [clean(column) for column in table.columns],
        "rows": [[_short(text) for text in row] for row in table.head(MOST_TABLE_ROWS).to_numpy()],
        "total": len(table),
        "why_empty": clean(table[EMPTY].iloc[0]) if EMPTY in table else None,
    }


def _short(text: str) -> str:
    """A number to six figures, anything else as it is."""
    try:
        value = float(text)
    except ValueError:
        return clean(text)
    return text if len(text) <= 8 else f"{value:.6g}"


# ------------------------------------------------------------------------------------ spelling


def number(value: Any, form: str = "{:.3f}") -> str:
    """A number with a true minus sign, or an en dash where there is none."""
    if value is None or not isinstance(value, (int, float)) or not math.isfinite(value):
        return "–"
    return form.format(value).replace("-", "−")


def spell(found: Estimate, form: str = "{:.3f}") -> str:
    """`0.431 [0.417, 0.445]`, or the value alone where there is no interval."""
    text = number(found.value, form)
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return text
    return f"{text} [{number(found.low, form)}, {number(found.high, form)}]"


def spell_seconds(value: float) -> str:
    """`48 s`, `12 min 05 s` or `3 h 20 min`."""
    seconds = round(value)
    if seconds < 60:
        return f"{value:.1f} s" if value < 10 else f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
