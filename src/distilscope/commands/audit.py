"""Audits models that somebody has: writes the study, makes it, and says what it found."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distilscope import store
from distilscope.auditing import request, running, writing
from distilscope.auditing.request import Given, Request
from distilscope.commands import configured
from distilscope.planning.state import StoreState
from distilscope.planning.study import Study

if TYPE_CHECKING:
    from distilscope.auditing.record import Audit

UNJUDGED = 2
"""Exit code where nothing was judged: what was asked can't be used, or the run failed."""
STUDY, RECORD, SUMMARY = "audit.yaml", "audit.json", "audit.md"

WORDS = """Are small models right for the right reasons? Audits a teacher and students that are
files, on images of yours. Nothing is trained. The audit is written as a study and made by the
workflow, in results/ of the working directory. Exit code 0: all that is required is met;
1: something falls short; 2: it could not be judged, and why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `distilscope audit`."""
    add = parser.add_argument
    model = "NETWORK=FILE: a network of torchvision, timm/<name>, or module:factory, and its "
    model += "weights; or FILE alone: TorchScript, torch.export or ONNX"
    add("--teacher", metavar="MODEL", help=model)
    add("--student", metavar="MODEL", action="append", default=[], help="the same; repeatable")
    add("--images", metavar="DIR", help="a folder of classes, or of pictures; or a data set's name")
    add("--labels", choices=("folders", "none"), help="none: pictures without labels")
    add("--classes", metavar="FILE", help="names of the classes in the order of the outputs")
    add("--held-out", metavar="DIR", help="other pictures, for calibration; none are needed")
    add("--limit", metavar="N", type=int, help="at most N pictures a class")
    add("--second-checkpoint", metavar="FILE", help="another training of the teacher: its twin")
    add("--preprocessing", metavar="YAML", action="append", default=[], help=_seen())
    add("--compress", metavar="WAY=VALUES", action="append", default=[], help=_ladder())
    add("--require", metavar="BOUND", action="append", default=[], help="such as 'ece <= 0.05'")
    add("--output", metavar="DIR", type=Path, help="of audit.yaml, .json and .md (audit)")
    add("--earlier", metavar="JSON", type=Path, help="an earlier audit.json to compare with")
    add("--fail-on-fall", action="store_true", help="exit with 1 where a number fell since then")
    add("--methods", metavar="NAMES", default="gradcam", help="explanations, with commas (gradcam)")
    add("--allow-code", action="store_true", help="a factory may run code of yours")
    add("--cores", default="all", help="how many jobs run side by side (all)")


def _seen() -> str:
    return "how models see images, where that isn't known: {mean: [..], std: [..], size: 224}"


def _ladder() -> str:
    return "of the teacher, or MODEL:WAY=VALUES: prune=0.3,0.5 or quantise=int8-dynamic"


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
    _announce(study, path)
    if StoreState(study).to_make() and running.run(path, given.cores):
        print(
            f"{study.configuration.study}: the audit could not be made; the reason stands above. "
            f"Its study is {path}, and what is done is kept",
            file=sys.stderr,
        )
        return UNJUDGED
    return _conclude(study, path.parent, earlier, fail_on_fall=given.fail_on_fall)


def _earlier(path: Path) -> Audit:
    from distilscope.auditing import record

    return record.read(path)


def _study(given: argparse.Namespace, command: Sequence[str]) -> Path:
    """The file of the study: the one that is given, or written of the other options."""
    asked = {
        **{"--teacher": given.teacher, "--student": given.student, "--images": given.images},
        **{"--require": given.require, "--compress": given.compress, "--output": given.output},
    }
    if given.configuration:
        both = [option for option, value in asked.items() if value]
        if both:
            raise ValueError(
                f"--configuration {given.configuration} says what is audited: leave out "
                f"{', '.join(both)}, or write it into the file"
            )
        return given.configuration
    missing = [option for option in ("--teacher", "--images") if not asked[option]]
    if missing:
        raise ValueError(
            f"an audit needs {' and '.join(missing)}: expected --teacher NETWORK=FILE --student "
            "NETWORK=FILE --images DIR, or --configuration with an audit.yaml"
        )
    if not given.student and not given.compress:
        raise ValueError(
            "an audit needs a --student NETWORK=FILE, or a --compress such as prune=0.3 of the "
            "teacher: there is nothing to set beside the teacher"
        )
    return _write(_request(given), command)


def _request(given: argparse.Namespace) -> Request:
    teacher, students = request.models(given.teacher, given.student)
    names = [model.name for model in (teacher, *students)]
    views = request.seen(given.preprocessing, names)
    teacher, *students = (_described(model, views) for model in (teacher, *students))
    data = {"labels": given.labels, "held_out": given.held_out, "limit": given.limit}
    data["classes"] = given.classes
    return Request(
        teacher=teacher,
        students=tuple(students),
        images=given.images,
        output=given.output or Path("audit"),
        data={key: value for key, value in data.items() if value is not None},
        second=given.second_checkpoint,
        compress=tuple(request.compression(text, names, teacher.name) for text in given.compress),
        require=tuple(given.require),
        methods=tuple(filter(None, given.methods.split(","))),
        allow_code=given.allow_code,
    )


def _described(model: Given, views: Mapping[str, Mapping[str, Any]]) -> Given:
    """The model with its architecture as the study calls it, and how it sees images."""
    known = _of_torchvision() if model.architecture else ()
    architecture = model.architecture and request.network(model.architecture, known)
    return replace(model, architecture=architecture, preprocessing=views.get(model.name, {}))


@cache
def _of_torchvision() -> frozenset[str]:
    from torchvision.models import list_models  # it takes seconds to import

    return frozenset(list_models())


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
    for model in study.models:
        layers = ", ".join(f"{name} ({place})" for name, place in model.layers.items())
        if layers and model.original is None and model.role in ("teacher", "student"):
            shown = ", ".join(model.explained)
            print(f"  {model.id}: compares {layers}; maps at {shown}", file=sys.stderr)


def _conclude(study: Study, folder: Path, earlier: Audit | None, *, fail_on_fall: bool) -> int:
    """Write the record and the summary, print the answer; the exit code."""
    from distilscope.auditing import recording, words
    from distilscope.auditing.earlier import compare, fell
    from distilscope.reporting import summary

    tables = recording.tables_of(study)
    found = recording.record(study, tables)
    if earlier is not None:
        beside = compare(found, earlier)
        code = 1 if fail_on_fall and fell(beside) else found.exit_code
        found = found.model_copy(update={"earlier": beside, "exit_code": code})
    store.write_json(folder / RECORD, recording.as_json(found))
    with store.atomic(folder / SUMMARY, digest=False) as temporary:
        temporary.write_text(words.markdown(found), encoding="utf-8")
    print(words.terminal(found, summary.text(tables), [folder / RECORD, folder / SUMMARY]))
    return found.exit_code
