"""The options of `distilscope audit`, and the request that they make."""

from __future__ import annotations

import argparse
import filecmp
import os
import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from distilscope import catalog, registry
from distilscope.auditing import classes, request
from distilscope.auditing.request import Given, Request
from distilscope.configuration.kinds import faults
from distilscope.configuration.networks import code_of

OUTPUT, METHODS = Path("audit"), "gradcam"
OF_A_STUDY = (
    *("teacher", "student", "images", "tasks", "labels", "classes", "held_out", "limit", "data"),
    *("second_checkpoint", "preprocessing", "entry", "compress", "require", "output", "methods"),
    "allow_code",
)
"""Options that a configuration says in their place, as the parser calls them."""
SIDE = {True: 224, False: 32}
"""Of images, by whether they are a folder of pictures, where no model says its input's side."""
PICTURES = "pictures"
"""The source of a folder."""
ANY_CLASSES = 10
"""Of a model that does not tell: layers that are proposed do not depend on their number."""
SEEN = "{mean: [...], std: [...], size: 224}"
FURTHER = "{output: logits}, {probabilities: true} or {explained: [layer4]}"


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
    items = "JSON Lines, or a task as {...}, which models are asked that are FOLDERs; repeatable"
    add("--tasks", metavar="FILE", action="append", default=[], help=items)
    add("--labels", choices=("folders", "none"), help="none: pictures without labels")
    named = "names of the classes, one a line in the order of the outputs; MODEL=FILE of one model"
    add("--classes", metavar="FILE", action="append", default=[], help=named)
    add("--held-out", metavar="DIR", help="other pictures, for calibration; none are needed")
    add("--limit", metavar="N", type=int, help="at most N pictures, or items of each task")
    add("--data", metavar="YAML", help="further keys of `data`: {fit: pad} as the models had it")
    add("--second-checkpoint", metavar="FILE", help="another training of the teacher: its twin")
    add("--preprocessing", metavar="YAML", action="append", default=[], help=seen)
    further = "keys of a model's entry: net={output: logits, probabilities: true}"
    add("--entry", metavar="YAML", action="append", default=[], help=further)
    add("--compress", metavar="WAY=VALUES", action="append", default=[], help=ladder)
    add("--require", metavar="BOUND", action="append", default=[], help="such as 'ece <= 0.05'")
    add("--output", metavar="DIR", type=Path, help=f"of audit.yaml, .json and .md ({OUTPUT})")
    add("--earlier", metavar="JSON", type=Path, help="an earlier audit.json to compare with")
    add("--fail-on-fall", action="store_true", help="exit with 1 where a number fell since then")
    add("--methods", metavar="NAMES", help=f"explanations, with commas ({METHODS})")
    add("--allow-code", action="store_true", help="a factory may run code of yours")
    add("--cores", default="all", help="how many jobs run side by side (all)")


def check(given: argparse.Namespace) -> None:
    """Refuse options that make no audit, or that a study which is given says already.

    Raises:
        ValueError: naming the options.
    """
    if given.cores != "all" and not (given.cores.isdecimal() and int(given.cores) > 0):
        raise ValueError(f"--cores {given.cores!r}: expected a number from 1 up, or all")
    if given.require:
        _check_requirements(given.require)
    if given.configuration:
        said = {f"--{name.replace('_', '-')}": getattr(given, name) for name in OF_A_STUDY}
        both = [option for option, value in said.items() if value not in (None, [], False)]
        if both:
            raise ValueError(
                f"--configuration {given.configuration} says what is audited: leave out "
                f"{', '.join(both)}, or write it into the file"
            )
        return
    missing = [] if given.teacher else ["--teacher"]
    missing += [] if given.images or given.tasks else ["--images"]
    if missing:
        raise ValueError(
            f"an audit needs {' and '.join(missing)}: expected --teacher NETWORK=FILE --student "
            "NETWORK=FILE --images DIR, or of language models --teacher FOLDER --student FOLDER "
            "--tasks FILE, or --configuration with an audit.yaml"
        )
    _refuse_beside_tasks(given)
    output = given.output or OUTPUT
    blocked = next((place for place in (output, *output.parents) if place.is_file()), None)
    if blocked:
        raise ValueError(f"--output {output}: {blocked} is a file; expected a folder, or a new one")
    if not given.student and not given.compress:
        raise ValueError(
            "an audit needs a --student NETWORK=FILE, or a --compress such as prune=0.3 of the "
            "teacher: there is nothing to set beside the teacher"
        )


def _check_requirements(typed: list[str]) -> None:
    """Their form and their measures: a slip is told before models are looked at."""
    try:
        registry.analysis("gate").section(require=typed)
    except ValidationError as error:
        raise ValueError(
            "\n".join(fault.replace("require", "--require", 1) for fault in faults(error))
        ) from None


def _refuse_beside_tasks(given: argparse.Namespace) -> None:
    of_images = {
        **{"--images": given.images, "--labels": given.labels, "--classes": given.classes},
        **{"--held-out": given.held_out, "--preprocessing": given.preprocessing},
        **{"--compress": given.compress, "--methods": given.methods},
    }
    beside = [option for option, value in of_images.items() if value]
    if given.tasks and beside:
        raise ValueError(
            f"--tasks ask language models, and {', '.join(beside)} are of images: leave them out"
        )


def asked(given: argparse.Namespace) -> Request:
    """The request of the options: models are looked at, so that the study can describe them.

    Raises:
        ValueError, OSError: an option can't be read, a model not be built, a file not be found.
    """
    if given.allow_code:
        sys.path.append(os.getcwd())  # where a factory of the user's lies
    teacher, students = request.models(given.teacher, given.student)
    _check_second(given.second_checkpoint, teacher)
    find = _of_tasks if given.tasks else _of_images
    models, data, count = find(given, [teacher, *students])
    names = [model.name for model in models]
    further = request.mapping("--data", given.data, "{fit: pad}") if given.data else {}
    return Request(
        teacher=models[0],
        students=tuple(models[1:]),
        data={**data, **further},
        output=given.output or OUTPUT,
        second=given.second_checkpoint,
        compress=tuple(request.compression(text, names, names[0]) for text in given.compress),
        require=tuple(given.require),
        methods=_methods(given.methods or METHODS),
        allow_code=given.allow_code,
        count=count,
    )


def _of_tasks(
    given: argparse.Namespace, models: Sequence[Given]
) -> tuple[list[Given], dict[str, Any], int | None]:
    """Language models, the section `data`, and how many items have choices."""
    from distilscope.auditing import languages

    further = request.by_model("--entry", given.entry, [model.name for model in models], FURTHER)
    found = [languages.described(model) for model in models]
    found = [replace(model, further=further.get(model.name, {})) for model in found]
    return found, *languages.data(found, given.tasks, given.limit)


def _of_images(
    given: argparse.Namespace, models: Sequence[Given]
) -> tuple[list[Given], dict[str, Any], int | None]:
    """Networks of images, the section `data`, and how many pictures there are."""
    data = {"labels": given.labels, "held_out": given.held_out, "limit": given.limit}
    found, further, count = _inspected(given, [_named(model) for model in models])
    name = {"name": given.images}
    if request.is_folder(given.images):
        name = {"name": PICTURES, "path": given.images}
    return found, {**name, **{k: v for k, v in data.items() if v is not None}, **further}, count


def _check_second(second: str | None, teacher: Given) -> None:
    """Refuse a second checkpoint that is the teacher's file: it would be no ceiling."""
    if second is None:
        return
    one, other = (Path(file).expanduser() for file in (teacher.weights, second))
    if one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False):
        raise ValueError(
            f"--second-checkpoint {second} holds what {teacher.weights} does: give the weights of "
            "another training of the teacher, or leave it out"
        )


def _methods(typed: str) -> tuple[str, ...]:
    return tuple(name for each in typed.split(",") if (name := each.strip()))


def _named(model: Given) -> Given:
    """The model with its architecture as the study calls it.

    Raises:
        ValueError: there is no file for a model that is to be one, or no such network.
    """
    if model.architecture is None:
        file = Path(model.weights).expanduser()
        if not file.is_file():
            raise ValueError(_no_file(model.weights))
        _require_program(file)
        return model
    return replace(model, architecture=network(model.architecture, model.settings))


def _require_program(file: Path) -> None:
    """Refuse weights that stand where a program would; nothing of the file is run.

    Raises:
        ValueError: it is none.
    """
    from distilscope.models import programs

    try:
        programs.kind_of(file, file.suffix)
    except programs.ProgramError:
        raise ValueError(
            f"{file} is no program (TorchScript, torch.export or ONNX): of weights say whose they "
            f"are, NETWORK={file}"
        ) from None


def network(typed: str, settings: Collection[str] = ()) -> str:
    """The architecture of a network's name, with settings of these names.

    Raises:
        ValueError: there is no such network; the message says what comes near.
    """
    found = request.network(typed, settings, _of_torchvision())
    if ":" not in found and found not in catalog.ARCHITECTURES and not catalog.library_of(found):
        known = dict.fromkeys([*sorted(_of_torchvision()), *catalog.ARCHITECTURES])
        raise ValueError(
            f"unknown network {found!r}; {catalog.suggest(found, known)} A network of timm is "
            "timm/<name>, one of yours module:factory"
        )
    return found


def _no_file(typed: str) -> str:
    """What to do about a model that is neither NETWORK=FILE nor a file."""
    if Path(typed).expanduser().is_dir():
        return f"{typed!r} is a folder: language models are asked by --tasks, not by --images"
    known = typed in catalog.ARCHITECTURES or typed in _of_torchvision()
    if known or ":" in typed or catalog.library_of(typed):
        return f"{typed!r} names a network and no weights: give {typed}=FILE"
    return (
        f"there is no file {typed!r}: a model is NETWORK=FILE, or a FILE that holds its own "
        "program (TorchScript, torch.export or ONNX)"
    )


@cache
def _of_torchvision() -> frozenset[str]:
    from torchvision.models import list_models  # it takes seconds to import

    return frozenset(list_models())


def _inspected(
    given: argparse.Namespace, models: list[Given]
) -> tuple[list[Given], dict[str, Any], int | None]:
    """The models with what was found of them, keys of `data` that follow from them, and how many
    pictures there are, where that is known.
    """
    from distilscope.auditing import inspecting

    for model in models:
        code = code_of(model.architecture, None if model.architecture else model.weights)
        if code and not given.allow_code:
            raise ValueError(f"{code} runs code of yours; add --allow-code if you trust it")
    names = [model.name for model in models]
    typed = request.by_model("--preprocessing", given.preprocessing, names, SEEN)
    further = request.by_model("--entry", given.entry, names, FURTHER)
    models = [replace(model, further=further.get(model.name, {})) for model in models]
    if not request.is_folder(given.images):
        if given.classes:
            raise ValueError(
                f"--classes name what is in a folder of pictures; {given.images!r} is a data set "
                "whose classes are known"
            )
        side = SIDE[False]
        known = [replace(model, preprocessing=typed.get(model.name, {})) for model in models]
        counts = {model.name: inspecting.outputs(model, side) for model in known}
        found = classes.of_a_data_set(counts, given.images) or ANY_CLASSES
        return [inspecting.described(model, found, side) for model in known], {}, None
    _require_folder(given.images)
    seen = [inspecting.sees(model, typed.get(model.name, {})) for model in models]
    data: dict[str, Any] = inspecting.frame(seen)
    side = data.get("image_size", SIDE[True])
    agreed = classes.agreed(
        seen,
        {model.name: inspecting.outputs(model, side) for model in seen},
        Path(given.images),
        classes.typed(given.classes, names),
        labelled=given.labels != "none",
    )
    if agreed.data is not None:
        data["classes"] = agreed.data
    own = [inspecting.described(m, agreed.outputs[m.name], side) for m in agreed.models]
    labels = given.labels or "folders"
    return own, data, request.count_in(Path(given.images), given.limit, agreed.names, labels)


def _require_folder(images: str) -> None:
    if not Path(images).expanduser().is_dir():
        found = catalog.DATASETS.items()
        own = (n for n, each in found if each.modality == "images" and each.path != "given")
        raise ValueError(
            f"--images {images}: there is no such folder, and no data set of that name; data sets "
            f"are {', '.join(sorted(own))}"
        )
