"""Networks by name, and where their weights begin."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from distilscope import catalog
from distilscope.configuration.kinds import (
    Count,
    LayerName,
    Name,
    Number,
    Positive,
    Strict,
    UserPath,
    Whole,
)

ONNX_ENDING = ".onnx"
"""Of programs that hold no code."""

OF_PROGRAM = {
    *("program", "output", "classes", "probabilities", "layers", "explained", "preprocessing"),
    "seeds",
}
"""What may be said of a program: it is a whole model."""


class Network(Strict):
    """A network by name, and where its weights begin; or a `program`, a file that holds all of it.

    `init` is `random`, `imagenet`, or the path of a weights file. `output` is the entry of the
    logits in the output of a network that returns several. `classes` are the names of its logits in
    their order (a list, or a text file with a name a line), where that is not the data's. Of
    a network that ends in a softmax (`probabilities`) the logarithm is taken.
    """

    architecture: str | None = None
    program: UserPath | None = None
    output: str | Whole | None = None
    classes: list[str] | UserPath | None = None
    probabilities: bool = False
    settings: dict[str, Any] = {}
    layers: dict[LayerName, str] | None = None
    explained: list[str] | None = None
    head: str | None = None
    recipe: Name | None = None
    override: dict[str, Any] = {}
    init: UserPath = "random"
    weights: UserPath | None = None
    preprocessing: Preprocessing | None = None

    @property
    def given(self) -> bool:
        """Whether somebody has this model: nothing of it is made here."""
        return self.weights is not None or self.program is not None

    @property
    def runs_code(self) -> str | None:
        """What of it is code of the user's, in words; None where nothing is."""
        return code_of(self.architecture, self.program)

    def check_on_pictures(self, where: str, share: float) -> None:
        """Refuse what has to be trained, or sees less of a picture than the frame, or unknown.

        Raises:
            ValueError: naming the entry and what it lacks.
        """
        if self.recipe is not None:
            raise ValueError(
                f"{where}: `pictures` have no training images: give `weights`, or use the source "
                "`image-folder`, which has a train folder"
            )
        if self.preprocessing is None:
            raise ValueError(
                f"{where}: on `pictures` a model needs its `preprocessing` (mean, std, size, "
                "resize); `distilscope layers` prints what is known of torchvision's and timm's"
            )
        own = self.preprocessing.share
        if own < share - 1 / (self.preprocessing.resize or 1):
            raise ValueError(
                f"{where}: it sees the centre {own:.3g} of a picture and the frame is {share:.3g}, "
                "so that its maps would be of another square than the others'; set `data.resize` "
                f"so that image_size / resize is {own:.3g} or less"
            )

    @model_validator(mode="after")
    def _described(self) -> Network:
        if self.program is not None:
            self._check_program()
            return self
        if self.architecture is None:
            raise ValueError(
                "give an `architecture`, or a `program` (TorchScript, torch.export or ONNX)"
            )
        known = catalog.ARCHITECTURES.get(self.architecture)
        if known is None and not _open_ended(self.architecture):
            catalog.lookup(catalog.ARCHITECTURES, self.architecture, "architecture")
        self._check_settings(known)
        self._check_layers(known)
        self._check_weights()
        if self.init == "imagenet" and (known is None or known.pretrained is None):
            able = [name for name, a in catalog.ARCHITECTURES.items() if a.pretrained]
            raise ValueError(
                f"`init: imagenet` is not known for {self.architecture!r}; it is for "
                f"{', '.join(able)}"
            )
        return self

    def _check_settings(self, known: catalog.Architecture | None) -> None:
        if known is None:
            _check_plain("settings", self.settings)
            return
        for key, value in self.settings.items():
            default = catalog.lookup(known.settings, key, f"setting of {self.architecture}")
            _check_setting(key, value, default)
        _check_blocks(self, known)

    def _check_layers(self, known: catalog.Architecture | None) -> None:
        if known is None and not (self.layers and self.explained):
            raise ValueError(
                f"{self.architecture!r} needs `layers` (name: module path, input to output) and "
                "`explained` (names of layers, the last block first)"
            )
        layers = self.layers or (known.layers if known else {})
        for name in self.explained or (known.explained if known else ()):
            catalog.lookup(layers, name, "layer in explained")

    def _check_weights(self) -> None:
        """Refuse what is for training beside given weights, and what is of these without any."""
        if self.recipe is None and self.weights is None:
            raise ValueError("give a `recipe` to train it, or `weights` of a model you have")
        if self.preprocessing is not None and self.weights is None:
            raise ValueError(
                "`preprocessing` is for `weights` of yours: training uses the data's, so leave it "
                "out"
            )
        if self.recipe is not None and self.weights is not None:
            raise ValueError(
                "`weights` are used as they are: leave out `recipe`, or train from the file by "
                "`init`"
            )
        if self.classes is not None and self.weights is None:
            raise ValueError("`classes` are of a given model: a trained one has the data's")
        if self.probabilities and self.weights is None:
            raise ValueError("`probabilities` are of a given model: a loss here takes logits")

    def _check_program(self) -> None:
        """Refuse what a program has no use for, and layers that are half described."""
        beside = sorted(self.model_fields_set - OF_PROGRAM)
        if beside:
            raise ValueError(
                f"a `program` is a whole model: leave out {', '.join(f'`{key}`' for key in beside)}"
            )
        if bool(self.layers) != bool(self.explained):
            raise ValueError(
                "give both `layers` and `explained` of a program, or neither: it is then explained "
                "at the input alone; `distilscope layers --model FILE` proposes some"
            )
        for name in self.explained or ():
            catalog.lookup(self.layers, name, "layer in explained")


def code_of(architecture: str | None, program: str | None) -> str | None:
    """What of a model is code of the user's, in words; None where nothing is."""
    if program and not program.endswith(ONNX_ENDING):
        return f"the program {program!r} (TorchScript or torch.export)"
    if architecture and ":" in architecture:
        return f"the factory {architecture!r}"
    return None


def _check_plain(key: str, value: Any) -> None:
    """Refuse what has no form in JSON: infinities, NaN, dates."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            _check_plain(f"{key}.{name}", item)
    elif isinstance(value, list):
        for item in value:
            _check_plain(key, item)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{key}: {value} is not a finite number")
    elif not isinstance(value, (str, int, float, type(None))):
        raise ValueError(f"{key}: {value!r} is neither text, a number, true, false nor null")


def _check_setting(key: str, value: Any, default: Any) -> None:
    """Refuse a network's setting that is of another kind than its default."""
    if isinstance(default, bool | float):
        wanted = "true or false" if isinstance(default, bool) else "a number above 0"
        if type(value) is bool and type(default) is bool:
            return
        if type(default) is float and type(value) in (int, float) and 0 < value < math.inf:
            return
        raise ValueError(f"setting {key!r} is {value!r}, expected {wanted}")
    if isinstance(default, list):
        numbers, wanted = value, "a list of whole numbers from 1"
    elif isinstance(default, int):
        numbers, wanted = [value], "a whole number from 1"
    else:
        numbers, wanted = [], "text"
    whole = isinstance(numbers, list) and all(type(n) is int and n >= 1 for n in numbers)
    if not whole or (wanted == "text" and not isinstance(value, str)):
        raise ValueError(f"setting {key!r} is {value!r}, expected {wanted}")


def _check_blocks(network: Network, entry: catalog.Architecture) -> None:
    """Refuse widths of a plain network that don't fit its pools, or the layers of its entry."""
    if "widths" not in entry.settings:
        return
    settings = {**entry.settings, **network.settings}
    blocks, usual = len(settings["widths"]), len(entry.settings["widths"])
    if not blocks:
        raise ValueError("`widths` is empty: a plain network needs at least one block")
    unknown = [number for number in settings["pools"] if number > blocks]
    if unknown:
        raise ValueError(
            f"`pools` names block {unknown[0]} and `widths` has {blocks}: give `pools` that are "
            f"1 to {blocks} (without, they are {entry.settings['pools']})"
        )
    if blocks != usual and not network.layers:
        raise ValueError(
            f"`widths` has {blocks} blocks and the layers of {network.architecture} are those of "
            f"{usual}: give {usual} widths, or `layers` and `explained` of your own"
        )


class Preprocessing(Strict):
    """What a given model was trained with.

    Mean and std are of pixels in [0, 1], in the order of the model's channels. `size` is the side
    of its input and `resize` the side to which its transform brings an image before it keeps that
    centre; without `size` it takes the study's images as they are.
    """

    mean: list[Number] = Field(min_length=3, max_length=3)
    std: list[Positive] = Field(min_length=3, max_length=3)
    size: Count | None = None
    resize: Count | None = None
    interpolation: Literal["bilinear", "bicubic", "nearest"] = "bilinear"
    channels: Literal["rgb", "bgr"] = "rgb"

    @model_validator(mode="after")
    def _keeps_a_centre(self) -> Preprocessing:
        if max(self.mean) > 1:
            raise ValueError(
                f"`mean` is {self.mean}, and mean and std are of pixels from 0 to 1: divide both "
                "by 255"
            )
        if self.resize and (self.size is None or self.size > self.resize):
            raise ValueError(
                f"`resize` is {self.resize} and `size` {self.size}: the input is a centre of the "
                "resized image, so give a `size` up to it"
            )
        return self

    @property
    def share(self) -> float:
        """Side of the centre square that it keeps, as a part of the resized image's short side."""
        return self.size / self.resize if self.size and self.resize else 1.0

    def settings(self) -> dict[str, Any]:
        """What an identity covers: mean, std, and what differs from its default."""
        return {**self.model_dump(exclude_defaults=True), "mean": self.mean, "std": self.std}


def _open_ended(architecture: str) -> bool:
    return catalog.library_of(architecture) is not None or ":" in architecture


class TeacherObjective(Strict):
    """What a teacher is trained with: an objective that learns from labels alone."""

    name: str = "ce"
    parameters: dict[str, Number] = {}

    @model_validator(mode="after")
    def _of_labels(self) -> TeacherObjective:
        objective = catalog.lookup(catalog.OBJECTIVES, self.name, "objective")
        if objective.needs_teacher:
            able = [n for n, o in catalog.OBJECTIVES.items() if not o.needs_teacher]
            raise ValueError(
                f"{self.name!r} learns from a teacher; a teacher's own objective is one of "
                + ", ".join(able)
            )
        for key, value in self.parameters.items():
            parameter = catalog.lookup(objective.parameters, key, f"parameter of {self.name}")
            fault = parameter.check(value)
            if fault:
                raise ValueError(f"{key}: {fault}")
        for key in objective.parameters:
            if key not in self.parameters:
                raise ValueError(
                    f"{self.name} needs the parameter {key!r}: give it in `parameters`"
                )
        return self

    @property
    def reduced(self) -> tuple[str, tuple[tuple[str, float], ...]]:
        """The name of the plainest objective that it is, and that one's parameters in order."""
        name = catalog.OBJECTIVES[self.name].reduced(self.parameters)
        kept = catalog.OBJECTIVES[name].parameters
        return name, tuple((key, self.parameters[key]) for key in kept)


class Student(Network):
    """A student: trained by the entries of `grid`, or given by `weights`."""


class Teacher(Network):
    """A teacher: fine-tuned or trained here (`recipe`), or given (`weights`).

    Students learn from the models of `seeds`, student seed i from the i-th of them in turn; those
    of `twins` are trained alike and serve as references. `objective` is cross-entropy by default.
    `second` are other checkpoints of a given teacher, which are its twins.
    """

    objective: TeacherObjective = TeacherObjective()
    seeds: list[Whole] = Field(default=[0], min_length=1)
    twins: list[Whole] = []
    second: list[UserPath] = []

    @model_validator(mode="after")
    def _distinct(self) -> Teacher:
        both = [*self.seeds, *self.twins]
        if len(set(both)) != len(both):
            raise ValueError(f"`seeds` and `twins` must all differ, got {both}")
        if self.given and (self.twins or len(self.seeds) > 1):
            raise ValueError(
                "a given teacher has one seed and no `twins`; give `second` checkpoints"
            )
        if self.weights is None and self.second:
            raise ValueError("`second` are checkpoints beside `weights`; a trained one has `twins`")
        if self.given and self.objective != TeacherObjective():
            raise ValueError("a given teacher is used as it is: it has no `objective`")
        return self


Network.model_rebuild()
Student.model_rebuild()
Teacher.model_rebuild()
