"""Where the images come from, and how training inputs vary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)

from distilscope import catalog
from distilscope.configuration.kinds import (
    Count,
    Fraction,
    Strict,
    UserPath,
    Whole,
    each_once,
    expanded,
    number,
    whole,
)
from distilscope.configuration.texts import FileTexts, HubTexts, Texts

LARGEST_SIDE = 1024
"""Pixels of a side of images."""


class HeldOut(Strict):
    """The part of the training images that is kept for tuning, stratified by class."""

    fraction: Annotated[float, Field(gt=0, lt=1), BeforeValidator(number)] = 0.1
    seed: Whole = 0


class Limit(Strict):
    """How many images of each class are used; null is all."""

    train: Count | None = None
    test: Count | None = None


class Data(Strict):
    """Where the images come from and how they are brought to one size.

    `classes` are the names of all classes in the order that a model's outputs have.
    """

    name: str
    path: UserPath | None = None
    image_size: Annotated[int, Field(ge=8, le=512), BeforeValidator(whole)] = 32
    fit: Literal["pad", "resize"] = "resize"
    held_out: HeldOut = HeldOut()
    limit: Limit = Limit()
    classes: list[str] | None = Field(default=None, min_length=2)

    @field_validator("classes")
    @classmethod
    def _distinct(cls, value: list[str] | None) -> list[str] | None:
        each_once(value or [], "class")
        return value

    @model_validator(mode="after")
    def _known(self) -> Data:
        entry = catalog.lookup(catalog.DATASETS, self.name, "dataset")
        if entry.path == "given" and not self.path:
            raise ValueError(f"dataset {self.name!r} needs `path`, the place of your files")
        if entry.path == "bundled" and self.path:
            raise ValueError(f"dataset {self.name!r} is bundled and takes no `path`")
        return self

    @property
    def labelled(self) -> bool:
        """Whether the images have labels."""
        return True


class Pictures(Strict):
    """A folder of pictures to test given models on: of classes, or without labels.

    The short side of each picture is brought to `resize` (`image_size` where it is not given), and
    the centre square of `image_size` is the frame, of which every model sees all. `classes` are the
    names in the order of the models' outputs: a list, a text file with a name a line, or their
    number; or `shared`, those that all models know by their own `classes`. `held_out` is a folder
    of other pictures: int8 may take ranges from them, and where they have labels a temperature is
    fitted on them.
    """

    name: Literal["pictures"]
    path: UserPath
    image_size: Annotated[int, Field(ge=8, le=LARGEST_SIDE), BeforeValidator(whole)] = 224
    resize: Count | None = None
    interpolation: Literal["bilinear", "bicubic", "nearest"] = "bilinear"
    labels: Literal["folders", "none"] = "folders"
    limit: Count | None = None
    classes: list[str] | UserPath | Count | None = None
    held_out: UserPath | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Pictures:
        if self.resize and self.resize < self.image_size:
            raise ValueError(
                f"`resize` is {self.resize} and `image_size` {self.image_size}: the frame is a "
                "centre of the resized picture, so give a `resize` from there up"
            )
        each_once(self.classes if isinstance(self.classes, list) else [], "class")
        if self.labels == "none" and self.classes is None:
            raise ValueError(
                "`labels: none` needs `classes`: the names of the models' outputs in their order "
                "(a list, or a text file with a name a line), their number, or `shared`"
            )
        return self

    @property
    def share(self) -> float:
        """The frame's side as a part of the resized picture's short side."""
        return self.image_size / (self.resize or self.image_size)

    @property
    def fit(self) -> str:
        """Of the frames."""
        return "crop"

    @property
    def labelled(self) -> bool:
        """Whether the pictures have labels."""
        return self.labels != "none"

    @property
    def names(self) -> list[str] | None:
        """The classes by name, wherever they are written; None where the folders name them.

        Raises:
            OSError: the file of names can't be read.
        """
        if isinstance(self.classes, int):
            return [str(number) for number in range(self.classes)]
        return names_in(self.classes)


def names_in(classes: list[str] | str | None) -> list[str] | None:
    """Names of classes: a list, or the lines of a text file.

    Raises:
        OSError: the file can't be read.
    """
    if not isinstance(classes, str):
        return classes
    text = expanded(classes).read_text(encoding="utf-8-sig")
    return [line.strip() for line in text.splitlines() if line.strip()]


AnySource = Data | Pictures | Texts | FileTexts | HubTexts
SECTIONS: dict[str, type[AnySource]] = {
    "images": Data,
    "pictures": Pictures,
    "texts": Texts,
    "jsonl-tasks": FileTexts,
    "hub-tasks": HubTexts,
}
"""By the name of a source that has keys of its own, or by its modality."""


def _by_name(value: Any, either: ValidatorFunctionWrapHandler) -> AnySource:
    """By the name of the source, so that faults are those of its keys alone."""
    if isinstance(value, AnySource):
        return value
    name = value.get("name") if isinstance(value, Mapping) else None
    known = catalog.DATASETS.get(name) if isinstance(name, str) else None
    if known and name not in SECTIONS:
        name = known.modality
    return (SECTIONS[name] if known else Data).model_validate(value)


Source = Annotated[AnySource, WrapValidator(_by_name)]
"""What a study's examples are."""


MAX_DRAWS = 32767
"""More draws have no id in the table of views."""


class Policy(Strict):
    """A view policy by name with what it takes: `pad` of crop-flip, `strength` of graded,
    `settings` of torchvision's.
    """

    policy: str = "crop-flip"
    pad: Whole = 4
    strength: Fraction = 1.0
    settings: dict[str, Any] = {}

    @field_validator("policy")
    @classmethod
    def _known(cls, value: str) -> str:
        catalog.lookup({**catalog.VIEW_POLICIES, **catalog.DRAWN_POLICIES}, value, "view policy")
        return value

    @model_validator(mode="after")
    def _settings_known(self) -> Self:
        if not self.settings:
            return self
        if not self.drawn or "settings" not in self.drawn.takes:
            raise ValueError(
                f"`settings` are for torchvision's policies: {self.policy!r} has none, so leave "
                "them out"
            )
        for key in self.settings:
            catalog.lookup(dict.fromkeys(self.drawn.settings), key, f"setting of {self.policy}")
        return self

    @property
    def drawn(self) -> catalog.DrawnPolicy | None:
        """How its draws are made; None of a finite policy."""
        return catalog.DRAWN_POLICIES.get(self.policy)

    @property
    def transform(self) -> dict[str, Any]:
        """What makes the draws: a dotted path and its arguments."""
        own = {key: getattr(self, key) for key in self.drawn.takes}
        return {"transform": self.drawn.transform, "arguments": {**self.drawn.arguments, **own}}

    @property
    def name(self) -> str:
        """What tables call it: `graded-0.4` for a policy between others."""
        return f"graded-{self.strength:g}" if self.policy == "graded" else self.policy


class Views(Policy):
    """How training inputs vary. `per_image: all` uses every view of a finite policy."""

    per_image: Annotated[int, Field(ge=1), BeforeValidator(whole)] | Literal["all"] = "all"

    @model_validator(mode="after")
    def _drawn_so_often(self) -> Views:
        if self.drawn and not (self.per_image != "all" and self.per_image <= MAX_DRAWS):
            raise ValueError(
                f"`per_image` is {self.per_image} and {self.policy!r} draws at random: say how "
                f"many draws of each image are rendered, 1 to {MAX_DRAWS}"
            )
        return self
