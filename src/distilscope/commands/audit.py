"""Audits models that somebody has: writes the study, makes it, and says what it found."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distilscope import store
from distilscope.auditing import asking, places, running, writing
from distilscope.auditing.request import Request, study_name
from distilscope.commands import configured
from distilscope.configuration.shared_classes import first
from distilscope.planning.artefact import RESULTS
from distilscope.planning.state import StoreState
from distilscope.planning.study import Study

if TYPE_CHECKING:
    from distilscope.auditing.record import Audit

UNJUDGED = 2
"""Exit code where nothing was judged: what was asked can't be used, or the run failed."""
STUDY, RECORD, SUMMARY = "audit.yaml", "audit.json", "audit.md"

WORDS = """Are small models right for the right reasons? Audits a teacher and students that are
files, on images of yours, or language models that are folders, on tasks of yours. Nothing is
trained. The audit is written as a study and made by the workflow, in results/ of the working
directory. Exit code 0: all that is required is met; 1: something falls short; 2: it could not be
judged, and why."""


def main(given: argparse.Namespace, command: Sequence[str]) -> int:
    """Make an audit; the exit code.

    Raises:
        ValueError, OSError: what of the command, the models or the images can't be used.
    """
    earlier = _earlier(given.earlier) if given.earlier else None
    if given.fail_on_fall and earlier is None:
        raise ValueError("--fail-on-fall compares with an earlier audit: give --earlier audit.json")
    path = _study(given, command)
    study = configured.study_of(path, running.workflow_folder())
    places.claim(study.published, path.parent)
    _announce(study, path)
    if StoreState(study).to_make() and running.run(path, given.cores):
        words = (
            f"{study.configuration.study}: the audit could not be made; the reason stands above. "
            f"Its study is {path}, and what is done is kept"
        )
        print("\n".join(filter(None, (words, running.lock()))), file=sys.stderr)
        return UNJUDGED
    return _conclude(study, path.parent, earlier, fail_on_fall=given.fail_on_fall)


def _earlier(path: Path) -> Audit:
    from distilscope.auditing import record

    return record.read(path)


def _study(given: argparse.Namespace, command: Sequence[str]) -> Path:
    """The file of the study: the one that is given, or written of the other options."""
    asking.check(given)
    if given.configuration:
        return given.configuration
    output = given.output or asking.OUTPUT
    places.check(RESULTS / study_name(output), output)  # before models are looked at
    writing.check_unedited(output / STUDY)
    return _write(asking.asked(given), command)


def _write(asked: Request, command: Sequence[str]) -> Path:
    """Write the study once it is known to be one."""
    found = writing.configuration(asked)
    writing.check(found)
    path = asked.output / STUDY
    text = writing.text(found, command)
    if not (path.is_file() and path.read_text(encoding="utf-8") == text):
        with store.atomic(path, digest=False) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return path


def _announce(study: Study, path: Path) -> None:
    configuration = study.configuration
    print(f"{configuration.study}: the study of this audit is {path}", file=sys.stderr)
    left, names = (study.dataset.settings.get(key) or () for key in ("left", "classes"))
    if left:
        print(
            f"  compared on {len(names)} of {len(names) + len(left)} classes, which all models "
            f"know: {first(names)}; left out: {first(left)}",
            file=sys.stderr,
        )
    for name, entry in {**configuration.teachers, **configuration.students}.items():
        if entry.probabilities:
            words = "returns probabilities: their logarithm stands for logits"
            print(f"  {name}: {words}", file=sys.stderr)
    for model in study.models:
        layers = ", ".join(f"{name} ({place})" for name, place in model.layers.items())
        if layers and model.original is None and model.role in ("teacher", "student"):
            maps = f"; maps at {', '.join(model.explained)}" if model.explained else ""
            print(f"  {model.id}: compares {layers}{maps}", file=sys.stderr)


def _conclude(study: Study, folder: Path, earlier: Audit | None, *, fail_on_fall: bool) -> int:
    """Write the record and the summary, print the answer; the exit code."""
    from distilscope.auditing import recording, words
    from distilscope.auditing.earlier import compare, fell
    from distilscope.reporting import summary
    from distilscope.reporting.units import in_units

    tables = recording.tables_of(study)
    found = recording.record(study, tables)
    if earlier is not None:
        beside = compare(found, earlier)
        code = 1 if fail_on_fall and fell(beside) else found.exit_code
        found = found.model_copy(update={"earlier": beside, "exit_code": code})
    for name, text in ((RECORD, recording.as_json(found)), (SUMMARY, words.markdown(found))):
        with store.atomic(folder / name, digest=False) as temporary:
            temporary.write_text(text, encoding="utf-8")
    table = in_units(summary.text(tables), found.images.unit)
    print(words.terminal(found, table, [folder / RECORD, folder / SUMMARY]))
    return found.exit_code
