"""Makes the record of an audit from the tables of its study."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pandas as pd

from distilscope import store
from distilscope.auditing.record import Audit, Images, Model, Number, Required, finite
from distilscope.measuring.rows import PLACES
from distilscope.planning.study import Study
from distilscope.reporting import findings, reading, runs, summary
from distilscope.reporting.tables import Tables
from distilscope.reporting.units import in_units

NOTHING_REQUIRED = "nothing required"
CODES = {NOTHING_REQUIRED: 0, "met": 0, "fell short": 1, "could not be judged": 2}


def tables_of(study: Study) -> Tables:
    """The tables of a study that was made.

    Raises:
        DamagedFile: one of them is missing or altered.
    """
    return reading.read(study.tables.folder, study.dataset.folder, study.report.settings)


def record(study: Study, tables: Tables) -> Audit:
    """The record of a study that was made, without an earlier one beside it."""
    required = _required(tables)
    verdict = _overall(required)
    unit = study.report.settings.get("unit", "images")
    answer = findings.answer(tables, summary.summarise(tables))
    return Audit(
        study=study.configuration.study,
        title=study.configuration.title,
        distilscope=version("distilscope"),
        identity=study.report.identity,
        report=str(study.published / "report.html"),
        level=study.configuration.statistics.level,
        images=_images(study, tables, unit),
        models=list(_models(tables)),
        answer=[in_units(text, unit) for text in answer],
        caveats=[in_units(text, unit) for text in findings.caveats(tables)],
        notes=list(runs.warnings(store.read_json(study.tables.folder / store.RUNS_FILE))),
        verdict=verdict,
        exit_code=CODES[verdict],
        requirements=required,
        earlier=None,
        numbers=list(_numbers(tables)),
    )


def _images(study: Study, tables: Tables, unit: str) -> Images:
    return Images(
        data=study.configuration.data.name,
        identity=study.dataset.identity,
        count=findings.images(tables),
        classes=len(tables.classes),
        unit=unit,
    )


def _models(tables: Tables) -> Iterator[Model]:
    labels = {c.key: c.label for c in tables.conditions}
    for row in tables.models.to_dict("records"):
        yield Model(
            **{key: row[key] for key in ("id", "condition", "role", "network", "source")},
            label=labels[row["condition"]],
            architecture=_text(row["architecture"]),
            reference=_text(row["reference"]),
            parameters=_whole(row["parameters"]),
            identity=row["identity"],
        )


def _numbers(tables: Tables) -> Iterator[Number]:
    declared = (p for a in tables.analyses for p in a.places)
    places = [p for p in dict.fromkeys((*PLACES, *declared)) if p in tables.measures]
    for row in tables.measures.to_dict("records"):
        yield Number(
            model=row["model"],
            measure=row["measure"],
            analysis=row["analysis"],
            reference=_text(row["reference"]),
            relation=_text(row["relation"]),
            subset=_text(row["subset"]),
            where={p: _place(row[p]) for p in places if not pd.isna(row[p])},
            value=finite(row["value"]),
            low=finite(row["low"]),
            high=finite(row["high"]),
            n=_whole(row["n"]),
            n_undefined=_whole(row["n_undefined"]) or 0,
            reason=_text(row["reason"]),
            headline=bool(row["headline"]),
        )


def _required(tables: Tables) -> list[Required]:
    """The verdicts of analyses that judge; none where nothing is required."""
    hooks = [analysis.verdicts for analysis in tables.analyses if analysis.verdicts]
    found = (record for hook in hooks for record in pkgutil.resolve_name(hook)(tables))
    return [Required.model_validate(record) for record in found]


def _overall(required: list[Required]) -> str:
    found = {each.verdict for each in required}
    order = ("fell short", "could not be judged", "met")
    return next((verdict for verdict in order if verdict in found), NOTHING_REQUIRED)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _whole(value: Any) -> int | None:
    return None if value is None or pd.isna(value) else int(value)


def _place(value: Any) -> str | int | float:
    return value.item() if hasattr(value, "item") else value


def as_json(found: Audit) -> str:
    """The record as it is written: a line a number, without the keys that hold nothing."""
    head = found.model_dump_json(exclude={"numbers"}, indent=1).removesuffix("\n}")
    numbers = ",\n".join(n.model_dump_json(exclude_defaults=True) for n in found.numbers)
    return f'{head},\n "numbers": [\n{numbers}\n]}}\n'
