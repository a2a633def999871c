"""Where the images come from, and how training inputs vary."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from distilscope import catalog
from distilscope.configuration.kinds import Count, Strict, UserPath, Whole, number, whole


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
        for name in value or []:
            if value.count(name) > 1:
                raise ValueError(f"the class {name!r} occurs twice")
        return value

    @model_validator(mode="after")
    def _known(self) -> Data:
        entry = catalog.lookup(catalog.DATASETS, self.name, "dataset")
        if entry.path == "given" and not self.path:
            raise ValueError(f"dataset {self.name!r} needs `path`, the place of your files")
        if entry.path == "bundled" and self.path:
            raise ValueError(f"dataset {self.name!r} is bundled and takes no `path`")
        return self


class Views(Strict):
    """How training inputs vary. `per_image: all` uses every view of the policy."""

    policy: str = "crop-flip"
    pad: Whole = 4
    per_image: Annotated[int, Field(ge=1), BeforeValidator(whole)] | Literal["all"] = "all"

    @field_validator("policy")
    @classmethod
    def _known(cls, value: str) -> str:
        catalog.lookup(catalog.VIEW_POLICIES, value, "view policy")
        return value
