"""What is asked of an audit: models, images and requirements, as they stand on a command line."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from distilscope import catalog
from distilscope.configuration.data import names_in
from distilscope.data.listing import entries, of_pictures

LONGEST_NAME = 40
ALL_COUNT = 250
"""Of fewer pictures than this each is tried: more than a minibatch of Grams, should some fail."""
NETWORK = re.compile(r"(?P<name>[^={}]+)(?P<settings>\{[^}]*\})?")


@dataclass(frozen=True)
class Given:
    """A model that somebody has.

    Attributes:
        name: in the study. weights: its file, as typed.
        architecture: a network by name, or a factory; None for a file that holds its own program.
        preprocessing: how it sees images, where that was said.
        layers: which layers to compare and to explain, where its network has none of its own.
        settings: of its network.
        further: keys of its entry that go before what was found out.
    """

    name: str
    weights: str
    architecture: str | None = None
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    layers: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    further: Mapping[str, Any] = field(default_factory=dict)

    def entry(self) -> dict[str, Any]:
        """The entry of `teachers` or `students`."""
        kind = {"architecture": self.architecture, "weights": self.weights}
        found = kind if self.architecture else {"program": self.weights}
        own = {"settings": self.settings, "preprocessing": self.preprocessing}
        known = {key: dict(value) for key, value in own.items() if value}
        return {**found, **known, **self.layers, **self.further}


@dataclass(frozen=True)
class Request:
    """An audit as it is asked for.

    Attributes:
        teacher, students: the models.
        data: keys of the section `data`: the name of a source, and what goes with it.
        second: another checkpoint of the teacher.
        compress: what is made of the models: entries of `compress`.
        require: requirements. methods: explanation methods.
        count: how many images, or items with choices, there are, where that is known.
        output: the folder of the audit; its name is the study's.
        allow_code: whether a factory may run code of the user's.
    """

    teacher: Given
    students: tuple[Given, ...]
    data: Mapping[str, Any]
    output: Path
    second: str | None = None
    compress: tuple[Mapping[str, Any], ...] = ()
    require: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("gradcam",)
    count: int | None = None
    allow_code: bool = False

    @property
    def modality(self) -> str:
        """A key of `catalog.MODALITIES`: what the models are asked."""
        return catalog.DATASETS[self.data["name"]].modality


def models(teacher: str, students: Sequence[str]) -> tuple[Given, tuple[Given, ...]]:
    """The teacher and the students of `NETWORK=FILE`, or of `FILE` alone, under names that differ.

    A model is called as its network; where several have that network, as network and file, and
    where files are called alike, by their folders too. One that is a folder is called as that.

    Raises:
        ValueError: no file is named, or two students are one.
    """
    typed = [split(text) for text in (teacher, *students)]
    names = [name_of(architecture or _stem(file)) for architecture, _, file in typed]
    parts = [(Path(file).absolute().parent.name, _stem(file)) for *_, file in typed]
    for begin in (1, 0):
        names = [
            name if names.count(name) == 1 else _called(architecture, *own[begin:])
            for name, own, (architecture, *_) in zip(names, parts, typed, strict=True)
        ]
    for name in names:
        if names.count(name) > 1:
            text = (teacher, *students)[len(names) - 1 - names[::-1].index(name)]
            raise ValueError(
                f"two models would both be called {name!r}, the second by {text!r}; give one of "
                "the files another name"
            )
    found = [
        Given(name, file, architecture, settings=settings)
        for name, (architecture, settings, file) in zip(names, typed, strict=True)
    ]
    return found[0], tuple(found[1:])


def _called(architecture: str | None, *parts: str) -> str:
    """The name of a model by its network, where it has one, and parts of its file's path."""
    return name_of("-".join([*([name_of(architecture)] if architecture else []), *parts]))


def split(text: str) -> tuple[str | None, dict[str, Any], str]:
    """(network or None, its settings, file) of `NETWORK=FILE`, `NETWORK{...}=FILE` or `FILE`.

    Raises:
        ValueError: a side is empty, or settings are no mapping.
    """
    before, sign, file = text.partition("=")
    if not sign and text:
        return None, {}, text
    found = NETWORK.fullmatch(before)
    settings = _loaded(found["settings"] or "{}") if found else None
    if not file or not isinstance(settings, dict):
        raise ValueError(
            f"the model {text!r} can't be read: expected NETWORK=FILE, such as "
            "resnet50=weights.safetensors or resnet18{width: 20}=weights.pt, or a FILE that holds "
            "its own program (TorchScript, torch.export or ONNX)"
        )
    return found["name"], settings, file


def _stem(file: str) -> str:
    """The name of a file without its ending, or of a folder, whose dots end nothing."""
    path = Path(file).expanduser()
    return path.resolve().name if path.is_dir() else path.stem


def name_of(text: str) -> str:
    """A name that a study accepts."""
    last = text.rpartition("/")[2].rpartition(":")[2]
    kept = re.sub(r"[^A-Za-z0-9_-]+", "-", last).strip("-_")[:LONGEST_NAME]
    return kept or "model"


def network(typed: str, settings: Collection[str], torchvision: Collection[str]) -> str:
    """The architecture of a network's name: torchvision's, where it has one of that name, and this
    package's where that alone has such settings.
    """
    own = catalog.ARCHITECTURES.get(typed)
    if own and settings and set(settings) <= set(own.settings):
        return typed
    return f"{catalog.TORCHVISION_PREFIX}{typed}" if typed in torchvision else typed


def is_folder(images: str) -> bool:
    """Whether images are a folder of the user's, and not a data set by its name."""
    known = catalog.DATASETS.get(images)
    return known is None or known.path == "given"


def names_of(file: str) -> list[str]:
    """The names of classes in a file, one a line.

    Raises:
        OSError, ValueError: it is not there, or can't be read as text.
    """
    return names_in(file) or []


def folders_in(images: Path) -> list[str]:
    """The names of a folder's own folders, in their order.

    Raises:
        OSError: the folder is not there, or can't be read.
    """
    return sorted(entry.name for entry in entries(images.expanduser()) if entry.is_dir())


def count_in(images: Path, limit: int | None, names: Sequence[str], labels: str) -> int:
    """How many pictures of a folder are used: of few those that can be decoded, else all.

    A minibatch of Grams takes as many images as there are of few, so that one too many is none.

    Args:
        names: of the classes whose pictures are taken, where `labels` is `folders`.

    Raises:
        BadData: there is no picture.
    """
    from distilscope.data import image_folder, pictures  # which load NumPy and Pillow
    from distilscope.data.raw import BadData

    source = images.expanduser()
    found = sum(1 for _ in of_pictures(source))
    found = found if limit is None else min(found, limit)
    if found >= ALL_COUNT:
        return found
    broken = 0
    files = pictures.chosen(source, names, labels, limit, []).files
    for file in files:
        try:
            image_folder.decoded(file, grey=False, formats=None)
        except BadData:
            broken += 1
    return len(files) - broken


def by_model(
    option: str, texts: Sequence[str], names: Sequence[str], example: str
) -> dict[str, Mapping[str, Any]]:
    """Model -> what an option says of it, by `{key: value}` for all or `model={...}` for one.

    Raises:
        ValueError: one is no mapping, or names no model.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for text in texts:
        whose, sign, rest = text.partition("={")
        value = _loaded("{" + rest if sign else text)
        if not isinstance(value, Mapping) or (sign and whose not in names):
            raise ValueError(
                f"{option} {text!r} can't be read: expected {example}, for one model behind its "
                f"name and =; the models are {', '.join(names)}"
            )
        found |= dict.fromkeys([whose] if sign else names, value)
    return found


def mapping(option: str, text: str, example: str) -> Mapping[str, Any]:
    """A mapping in YAML.

    Raises:
        ValueError: it is none.
    """
    value = _loaded(text)
    if not isinstance(value, Mapping):
        raise ValueError(f"{option} {text!r} can't be read: expected a mapping, such as {example}")
    return value


def _loaded(text: str) -> Any:
    """What a text is in YAML; None of what is no YAML."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def study_name(output: Path) -> str:
    """The study's name: that of the folder of the audit."""
    return name_of(output.absolute().name)


def compression(text: str, known: Sequence[str], default: str) -> dict[str, Any]:
    """An entry of `compress` of `way=value,value` or `model:way=value`.

    Args:
        known: the models' names. default: what is compressed where no model is named.

    Raises:
        ValueError: it has another form, or names no model.
    """
    whose, colon, rest = text.rpartition(":")
    way, sign, values = rest.partition("=")
    if not (sign and way and values) or (colon and whose not in known):
        raise ValueError(
            f"--compress {text!r} can't be read: expected WAY=VALUE or MODEL:WAY=VALUE with commas "
            f"between values, such as prune=0.3,0.5 or {known[-1]}:quantise=int8-dynamic; the "
            f"models are {', '.join(known)}"
        )
    found = [_loaded(value) for value in values.split(",") if value]
    return {"of": whose or default, way: found if len(found) > 1 else found[0]}
