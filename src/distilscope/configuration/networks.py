"""Networks by name, how their weights begin, and how they are trained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from distilscope import catalog
from distilscope.configuration.data import Views
from distilscope.configuration.kinds import (
    Count,
    Fraction,
    LayerName,
    Name,
    Number,
    Positive,
    Strict,
    UserPath,
    Whole,
    number,
)

Decay = Annotated[float, Field(ge=0), BeforeValidator(number)]
Beta = Annotated[float, Field(ge=0, lt=1), BeforeValidator(number)]


class SGD(Strict):
    """Stochastic gradient descent."""

    name: Literal["sgd"] = "sgd"
    lr: Positive
    momentum: Fraction = 0.9
    weight_decay: Decay = 5e-4
    nesterov: bool = False


class AdamW(Strict):
    """Adam with decoupled weight decay."""

    name: Literal["adamw"]
    lr: Positive
    betas: list[Beta] = Field(default=[0.9, 0.999], min_length=2, max_length=2)
    eps: Positive = 1e-8
    weight_decay: Decay = 0.01


OPTIMIZERS: dict[str, type[SGD | AdamW]] = {"sgd": SGD, "adamw": AdamW}


def _optimizer(value: Any, either: ValidatorFunctionWrapHandler) -> SGD | AdamW:
    """By its name, so that faults are those of that optimizer alone; `sgd` where none is given."""
    if isinstance(value, SGD | AdamW):
        return value
    name = value.get("name", "sgd") if isinstance(value, Mapping) else "sgd"
    return catalog.lookup(OPTIMIZERS, name, "optimizer").model_validate(value)


Optimizer = Annotated[SGD | AdamW, WrapValidator(_optimizer)]


class Schedule(Strict):
    """How the learning rate moves over the run."""

    name: Literal["cosine", "one-cycle", "constant", "steps"] = "cosine"
    warmup_epochs: Annotated[float, Field(ge=0), BeforeValidator(number)] = 0
    milestones: list[Count] = []
    gamma: Fraction = 0.1


class Recipe(Strict):
    """How a model is trained. The weights of the last epoch are the model.

    `targets` says where a distilled model has its teacher's logits from: a table that is computed
    once and serves every student, or the teacher itself at every step.
    """

    epochs: Count
    batch: Count = 128
    optimizer: Optimizer
    schedule: Schedule = Schedule()
    views: Views = Views()
    targets: Literal["table", "online"] = "table"

    @model_validator(mode="after")
    def _leaves_epochs(self) -> Recipe:
        warm_up = self.schedule.warmup_epochs
        if warm_up >= self.epochs:
            raise ValueError(
                f"`schedule.warmup_epochs` is {warm_up:g} of {self.epochs} `epochs`: nothing is "
                f"left after the warm-up; give less than {self.epochs}"
            )
        return self


class Network(Strict):
    """A network by name, and where its weights begin.

    `init` is `random`, `imagenet`, or the path of a weights file.
    """

    architecture: str
    settings: dict[str, Any] = {}
    layers: dict[LayerName, str] | None = None
    explained: list[str] | None = None
    head: str | None = None
    recipe: Name | None = None
    override: dict[str, Any] = {}
    init: UserPath = "random"
    weights: UserPath | None = None
    preprocessing: Preprocessing | None = None

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
        known = self.architecture in catalog.ARCHITECTURES
        if not known and not _open_ended(self.architecture):
            catalog.lookup(catalog.ARCHITECTURES, self.architecture, "architecture")
        if known:
            entry = catalog.ARCHITECTURES[self.architecture]
            for key, value in self.settings.items():
                default = catalog.lookup(entry.settings, key, f"setting of {self.architecture}")
                _check_setting(key, value, default)
            _check_blocks(self, entry)
        else:
            _check_plain("settings", self.settings)
        if not known and not (self.layers and self.explained):
            raise ValueError(
                f"{self.architecture!r} needs `layers` (name: module path, input to output) and "
                "`explained` (names of layers, the last block first)"
            )
        layers = self.layers or (catalog.ARCHITECTURES[self.architecture].layers if known else {})
        explained = catalog.ARCHITECTURES[self.architecture].explained if known else ()
        for name in self.explained or explained:
            catalog.lookup(layers, name, "layer in explained")
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
        if self.init == "imagenet":
            entry = catalog.ARCHITECTURES.get(self.architecture)
            if entry is None or entry.pretrained is None:
                able = [n for n, a in catalog.ARCHITECTURES.items() if a.pretrained]
                raise ValueError(
                    f"`init: imagenet` is not known for {self.architecture!r}; it is for "
                    f"{', '.join(able)}"
                )
        return self


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
        if self.weights is not None and (self.twins or len(self.seeds) > 1):
            raise ValueError(
                "a given teacher has one seed and no `twins`; give `second` checkpoints"
            )
        if self.weights is None and self.second:
            raise ValueError("`second` are checkpoints beside `weights`; a trained one has `twins`")
        if self.weights is not None and self.objective != TeacherObjective():
            raise ValueError("a given teacher is used as it is: it has no `objective`")
        return self


Network.model_rebuild()
Student.model_rebuild()
Teacher.model_rebuild()
