"""The options of `distilscope audit`, and the request that they make."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from distilscope.auditing import request
from distilscope.auditing.request import Given, Request
from distilscope.configuration.networks import code_of
from distilscope.words import listed

OUTPUT = Path("audit")
SIDE = {True: 224, False: 32}
"""Of images, by whether they are a folder of pictures, where no model says its input's side."""
ANY_CLASSES = 10
"""Which layers are proposed does not depend on the number of classes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    add = parser.add_argument
    model = "NETWORK=FILE: a network of torchvision, timm/<name>, or module:factory, and its "
    model += "weights; resnet18{width: 20}=FILE with settings; or FILE alone: TorchScript, "
    model += "torch.export or ONNX"
    seen = "how models see images, where that isn't known: {mean: [..], std: [..], size: 224}"
    ladder = "of the teacher, or MODEL:WAY=VALUES: prune=0.3,0.5 or quantise=int8-dynamic"
    add("--teacher", metavar="MODEL", help=model)
    add("--student", metavar="MODEL", action="append", default=[], help="the same; repeatable")
    add("--images", metavar="DIR", help="a folder of classes, or of pictures; or a data set's name")
    add("--labels", choices=("folders", "none"), help="none: pictures without labels")
    add("--classes", metavar="FILE", help="names of the classes in the order of the outputs")
    add("--held-out", metavar="DIR", help="other pictures, for calibration; none are needed")
    add("--limit", metavar="N", type=int, help="at most N pictures, as many of each class")
    add("--data", metavar="YAML", help="further keys of `data`: {fit: pad} as the models had it")
    add("--second-checkpoint", metavar="FILE", help="another training of the teacher: its twin")
    add("--preprocessing", metavar="YAML", action="append", default=[], help=seen)
    add("--compress", metavar="WAY=VALUES", action="append", default=[], help=ladder)
    add("--require", metavar="BOUND", action="append", default=[], help="such as 'ece <= 0.05'")
    add("--output", metavar="DIR", type=Path, help=f"of audit.yaml, .json and .md ({OUTPUT})")
    add("--earlier", metavar="JSON", type=Path, help="an earlier audit.json to compare with")
    add("--fail-on-fall", action="store_true", help="exit with 1 where a number fell since then")
    add("--methods", metavar="NAMES", default="gradcam", help="explanations, with commas (gradcam)")
    add("--allow-code", action="store_true", help="a factory may run code of yours")
    add("--cores", default="all", help="how many jobs run side by side (all)")


def check(given: argparse.Namespace) -> None:
    """Refuse options that make no audit, or that a study which is given says already.

    Raises:
        ValueError: naming the options.
    """
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
        return
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


def asked(given: argparse.Namespace) -> Request:
    """The request of the options: models are looked at, so that the study can describe them.

    Raises:
        ValueError, OSError: an option can't be read, a model not be built, a file not be found.
    """
    if given.allow_code:
        sys.path.append(os.getcwd())  # where a factory of the user's lies
    teacher, students = request.models(given.teacher, given.student)
    models = [_named(model) for model in (teacher, *students)]
    names = [model.name for model in models]
    data = {"labels": given.labels, "held_out": given.held_out, "limit": given.limit}
    data["classes"] = given.classes
    further = request.mapping("--data", given.data, "{fit: pad}") if given.data else {}
    models, found = _inspected(given, models)
    return Request(
        teacher=models[0],
        students=tuple(models[1:]),
        images=given.images,
        output=given.output or OUTPUT,
        data={**{k: value for k, value in data.items() if value is not None}, **found, **further},
        second=given.second_checkpoint,
        compress=tuple(request.compression(text, names, names[0]) for text in given.compress),
        require=tuple(given.require),
        methods=tuple(filter(None, given.methods.split(","))),
        allow_code=given.allow_code,
        count=_count(given),
    )


def _named(model: Given) -> Given:
    """The model with its architecture as the study calls it."""
    if model.architecture is None:
        return model
    found = request.network(model.architecture, model.settings, _of_torchvision())
    return replace(model, architecture=found)


@cache
def _of_torchvision() -> frozenset[str]:
    from torchvision.models import list_models  # it takes seconds to import

    return frozenset(list_models())


def _inspected(
    given: argparse.Namespace, models: list[Given]
) -> tuple[list[Given], dict[str, Any]]:
    """The models with what was found of them, and keys of `data` that follow from them."""
    from distilscope.auditing import inspecting

    for model in models:
        code = code_of(model.architecture, None if model.architecture else model.weights)
        if code and not given.allow_code:
            raise ValueError(f"{code} runs code of yours; add --allow-code if you trust it")
    typed = request.seen(given.preprocessing, [model.name for model in models])
    if not request.is_folder(given.images):
        known = [replace(model, preprocessing=typed.get(model.name, {})) for model in models]
        return [inspecting.layers(model, ANY_CLASSES, SIDE[False]) for model in known], {}
    seen = [inspecting.sees(model, typed.get(model.name, {})) for model in models]
    data: dict[str, Any] = inspecting.frame(seen)
    side = data.get("image_size", SIDE[True])
    counts = {model.name: inspecting.outputs(model, side) for model in seen}
    classes = _classes(given, {name: count for name, count in counts.items() if count})
    if given.labels == "none" and not given.classes:
        data["classes"] = classes
    return [inspecting.layers(model, classes, side) for model in seen], data


def _count(given: argparse.Namespace) -> int | None:
    if not request.is_folder(given.images):
        return None
    return request.count_in(Path(given.images), given.limit)


def _classes(given: argparse.Namespace, outputs: dict[str, int]) -> int:
    """How many classes there are: by names or folders, and by what the models put out.

    Raises:
        ValueError: they differ, or nothing says it.
    """
    counted = listed([f"{name} has {count:,} outputs" for name, count in outputs.items()])
    if len(set(outputs.values())) > 1:
        raise ValueError(
            f"the models don't tell the same classes apart: {counted}; audit models of one task"
        )
    by_models = next(iter(outputs.values()), None)
    names = Path(given.classes) if given.classes else None
    labelled = names is not None or given.labels != "none"
    by_names = request.classes_in(Path(given.images), names) if labelled else by_models
    if by_names is None and labelled:
        raise ValueError(
            f"{given.images} has no folders of classes: put the pictures of each class into a "
            "folder of its name, or add --labels none"
        )
    if by_names is None:
        raise ValueError(
            "neither the models nor the pictures tell how many classes there are: give --classes "
            "FILE with a name a line, in the order of the outputs"
        )
    if by_models not in (None, by_names):
        where = given.classes or f"{given.images}, a folder each"
        raise ValueError(
            f"{counted}, and there are {by_names:,} classes in {where}: give --classes FILE with "
            f"{by_models:,} names, one a line, in the order of the outputs; folders are called by "
            "these names and some may have none, or add --labels none"
        )
    return by_names
