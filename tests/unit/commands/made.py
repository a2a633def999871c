"""Small made results: every file of a study in the store, with digests, and published."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import yaml

from distilscope import store
from distilscope.configuration.study import parse
from distilscope.planning import record
from distilscope.planning.study import Study
from distilscope.store.publishing import publish

from ...workflow.clone import REPOSITORY, SMALL

CONFIGURATION = Path("config/config.yaml")


def write(edit: Callable[[dict], None] = lambda raw: None, to: Path = CONFIGURATION) -> dict:
    """Write the small study, edited, as a configuration file of the present folder."""
    raw = copy.deepcopy(SMALL)
    edit(raw)
    to.parent.mkdir(exist_ok=True)
    to.write_text(yaml.safe_dump(raw, sort_keys=False))
    return raw


def made(raw: dict, with_results: bool = True) -> Study:
    """The study of a configuration; its results exist where they are asked for."""
    study = Study(parse(raw), raw["precision"], REPOSITORY)
    if with_results:
        for artefact in study.artefacts.values():
            finish(study, artefact)
        folders = {a.kind: a.folder for a in (study.tables, study.figures, study.report)}
        publish(folders, study.published, study.marker, record.describe(study))
    return study


def finish(study: Study, artefact) -> None:
    """Make the files of one artefact as its job would leave them."""
    for name in artefact.outputs[:-1]:
        store.write_text(artefact.folder / name, f"{artefact.name} {name}\n")
    job = json.loads(artefact.job())
    kept = ("kind", "slug", "identity", "settings", "inputs")
    run = {**{key: job[key] for key in kept}, "facts": {"accuracy": 0.5}}
    run["files"] = store.digests_in(artefact.folder)
    run["finished"] = "2026-01-02T03:04:05+00:00"
    store.write_json(artefact.folder / "run.json", run)


def edited(monkeypatch, *files: str) -> None:
    """Let modules look edited, to fingerprints, until the test ends."""
    from distilscope.planning import fingerprint

    original = fingerprint._digest
    monkeypatch.setattr(
        fingerprint,
        "_digest",
        lambda name: original(name) + "edited" * str(fingerprint.file_of(name)).endswith(files),
    )
    uncached = getattr(fingerprint.source, "__wrapped__", fingerprint.source)
    monkeypatch.setattr(fingerprint, "source", uncached)
