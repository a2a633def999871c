"""Which classes an audit compares: those of all models, or those that they share by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from distilscope.auditing.request import Given, folders_in, names_of
from distilscope.configuration.shared_classes import FEWEST, SHARED, shared
from distilscope.words import listed

SPLITS = frozenset(
    ("train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval")
)
"""How folders of a data set's parts are called, in lower case."""


@dataclass(frozen=True)
class Typed:
    """The files of `--classes`, which have a name a line in the order of a model's outputs.

    Attributes:
        all: of the models that have none of their own.
        own: model -> its file.
    """

    all: str | None = None
    own: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Agreed:
    """Which classes are compared.

    Attributes:
        outputs: model -> how many it has.
        models: the models; where classes are mapped by name, with their own.
        data: what `data.classes` is; None where the folders tell.
        names: of the classes, where pictures have labels.
    """

    outputs: Mapping[str, int]
    models: Sequence[Given]
    data: int | str | None = None
    names: Sequence[str] = ()


def typed(texts: Sequence[str], models: Sequence[str]) -> Typed:
    """What is meant by `FILE` for all models, or `MODEL=FILE` for one.

    Raises:
        ValueError: two are for the same models, or one names no model.
    """
    whole: list[str] = []
    own: dict[str, str] = {}
    for text in texts:
        model, sign, file = text.partition("=")
        if sign and model in models:
            if model in own:
                raise ValueError(f"--classes {text!r}: {model} has {own[model]!r} already")
            own[model] = file
        elif sign and not Path(text).expanduser().exists():
            raise ValueError(
                f"--classes {text!r}: no model is called {model!r}; they are {', '.join(models)}"
            )
        else:
            whole.append(text)
    if len(whole) > 1:
        raise ValueError(
            f"--classes {whole[1]!r}: {whole[0]!r} is of all models already; say MODEL=FILE of one "
            f"of {', '.join(models)}"
        )
    return Typed(whole[0] if whole else None, own)


def agreed(
    models: Sequence[Given],
    counts: Mapping[str, int | None],
    images: Path,
    typed: Typed,
    *,
    labelled: bool,
) -> Agreed:
    """The classes that are compared: all, where models have as many outputs; else those shared.

    Args:
        counts: model -> outputs as its weights tell, or None.
        labelled: the folders of `images` are classes.

    Raises:
        ValueError: nothing tells the classes, or lists don't agree with the outputs, or models
            share too few names, or one has a single output.
        OSError: a file or folder can't be read.
    """
    if labelled:
        _check_no_splits(images)
    known = {name: count for name, count in counts.items() if count}
    single = next((name for name, count in known.items() if count < FEWEST), None)
    if single:
        raise ValueError(
            f"{_counted({single: known[single]})}: measures are of logits, one a class, and need "
            f"{FEWEST} or more. A network with one logit of two classes can be given as a factory, "
            "module:function, that puts a 0 before it"
        )
    if typed.own or len(set(known.values())) > 1:
        return _by_name(models, counts, _names(models, counts, images, typed, labelled=labelled))
    outputs = _alike(known, images, typed.all, labelled=labelled)
    data = typed.all or (None if labelled else outputs)
    names = names_of(typed.all) if typed.all else folders_in(images) if labelled else ()
    return Agreed(dict.fromkeys(counts, outputs), models, data, names)


def _check_no_splits(images: Path) -> None:
    """Refuse folders of train, val ... with folders in them, which would be taken for classes."""
    folders = folders_in(images)
    if folders and all(name.lower() in SPLITS for name in folders):
        inside = [name for name in folders if folders_in(images / name)]
        if inside:
            raise ValueError(
                f"{images} holds parts of a data set ({', '.join(folders)}) and no folders of "
                f"classes: give the part to compare on, such as --images {images / inside[-1]}"
            )


def _deeper(images: Path, classes: int) -> str:
    """A folder of the images that holds as many folders as there are classes, as a clause."""
    found = (images / name for name in folders_in(images))
    deeper = next((each for each in found if len(folders_in(each)) == classes), None)
    return f" ({deeper} holds {classes:,}: is --images {deeper} meant?)" if deeper else ""


def of_a_data_set(counts: Mapping[str, int | None], name: str) -> int | None:
    """How many classes models have that are compared on a data set of this package.

    Args:
        counts: model -> outputs as its weights tell, or None.

    Raises:
        ValueError: not all have as many.
    """
    known = {name: count for name, count in counts.items() if count}
    if len(set(known.values())) > 1:
        raise ValueError(
            f"{_counted(known)}: on the data set {name} each needs as many as it has classes. "
            "Models of different classes are compared on a folder of pictures"
        )
    return next(iter(known.values()), None)


def _alike(counts: Mapping[str, int], images: Path, names: str | None, *, labelled: bool) -> int:
    """How many classes there are: by names or folders, and by what all models put out."""
    by_models = next(iter(counts.values()), None)
    counted = _counted(counts) if counts else ""
    by_names: int | None = by_models
    if names is not None:
        by_names = len(names_of(names))
    elif labelled:
        by_names = len(folders_in(images)) or None
    if by_names is None and labelled:
        raise ValueError(
            f"{images} has no folders of classes: put the pictures of each class into a folder of "
            "its name, or add --labels none"
        )
    if by_names is None:
        raise ValueError(
            "neither the models nor the pictures tell how many classes there are: give --classes "
            "FILE with a name a line, in the order of the outputs"
        )
    if by_models is not None and by_models != by_names:
        where = names or f"{images}, a folder each{_deeper(images, by_models)}"
        raise ValueError(
            f"{counted}, and {_there(by_names, 'class', 'classes')} in {where}: give --classes "
            f"FILE with {by_models:,} names, one a line, in the order of the outputs; folders are "
            "called by these names and some may have none, or add --labels none"
        )
    return by_names


def _names(
    models: Sequence[Given],
    counts: Mapping[str, int | None],
    images: Path,
    typed: Typed,
    *,
    labelled: bool,
) -> dict[str, str | list[str]]:
    """Model -> its classes: a file, or the folders where these are as many as its outputs.

    Raises:
        ValueError: of a model nothing tells them.
    """
    folders = folders_in(images) if labelled else []
    whole = len(names_of(typed.all)) if typed.all else None
    found: dict[str, str | list[str]] = {}
    for model in models:
        count = counts[model.name]
        if model.name in typed.own:
            found[model.name] = typed.own[model.name]
        elif typed.all and count in (None, whole):
            found[model.name] = typed.all
        elif folders and count == len(folders):
            found[model.name] = folders
    unnamed = [model.name for model in models if model.name not in found]
    if unnamed:
        counted = _counted({name: count for name, count in counts.items() if count})
        raise ValueError(
            f"the models don't tell the same classes apart: {counted}. Say what the outputs of "
            f"{listed(unnamed)} are called, by --classes MODEL=FILE with a name a line in their "
            "order: models are then compared on the classes that all of them know"
        )
    return found


def _by_name(
    models: Sequence[Given],
    counts: Mapping[str, int | None],
    names: Mapping[str, str | list[str]],
) -> Agreed:
    """Every model with its classes, which have to be as many as its outputs."""
    lists = {name: names_of(own) if isinstance(own, str) else own for name, own in names.items()}
    for name, own in lists.items():
        if counts[name] not in (None, len(own)):
            raise ValueError(
                f"{_counted({name: counts[name]})}, and {_there(len(own), 'name')} in "
                f"{names[name]}: one a line is needed, in the order of the outputs"
            )
    common = shared(lists).names
    mapped = [
        replace(model, further={**model.further, "classes": names[model.name]}) for model in models
    ]
    return Agreed({name: len(own) for name, own in lists.items()}, mapped, SHARED, common)


def _counted(counts: Mapping[str, int]) -> str:
    return listed([f"{name} has {_many(count, 'output')}" for name, count in counts.items()])


def _many(number: int, one: str, many: str | None = None) -> str:
    """`1 class`, `1,000 classes`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _there(number: int, one: str, many: str | None = None) -> str:
    """`there is 1 class`, `there are 3 names`."""
    return f"there {'is' if number == 1 else 'are'} {_many(number, one, many)}"
