"""The reader of the data set `composed-parts`: a small recipe file, of which everything follows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from distilscope.data import composed, composed_objects, composed_tree
from distilscope.data.composed import Scenes, Shortcut
from distilscope.data.part_maps import PartedSplits
from distilscope.data.raw import DECODED_LIMIT_BYTES, BadData, RawPart

CLASSES = {"pairs": composed_objects.CLASSES, "tree": composed_tree.CLASSES}
"""What a recipe may call its classes -> class -> the parts that decide it."""


@dataclass(frozen=True)
class Recipe:
    """What a recipe file says; a key is an attribute, and every one may be left out.

    Attributes:
        classes: `pairs` (ten classes, each a pair of parts) or `tree` (`composed_tree`: 24).
        train, test: numbers of images; the classes come in turn, so multiples of their number are
            balanced.
        seed: another seed is another world of pictures.
        distractors: probability of each distractor part, in every class.
        shortcut: of `pairs`: null, or `label` with any of `part`, `train`, `test`, `elsewhere`.
    """

    train: int = 5000
    test: int = 1000
    seed: int = 0
    distractors: float = 0.75
    shortcut: Shortcut | None = None
    classes: str = "pairs"

    @property
    def parts(self) -> Mapping[str, tuple[str, ...]]:
        """Class -> the parts that decide it."""
        return CLASSES[self.classes]

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """Read a recipe file.

        Raises:
            BadData: the file is missing or no JSON object, a key is unknown, or a value is out of
                range; the message names the file and what would be accepted.
        """
        path = Path(path)
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise BadData(f"{path}: there is no such file, expected a recipe in JSON") from error
        except (OSError, ValueError) as error:
            raise BadData(f"{path}: it can't be read as JSON ({error})") from error
        try:
            return cls.of(found)
        except BadData as error:
            raise BadData(f"{path}: {error}") from error

    @classmethod
    def of(cls, found: Any) -> Recipe:
        """The recipe of a JSON value.

        Raises:
            BadData: as `read`.
        """
        settings = _known_keys(cls, found, "the recipe")
        classes = settings.get("classes", cls.classes)
        if classes not in CLASSES:
            raise BadData(f"classes is {classes!r}, expected one of {', '.join(CLASSES)}")
        if settings.get("shortcut") is not None:
            if classes != cls.classes:
                raise BadData(f"a shortcut is for classes {cls.classes!r}, not {classes!r}")
            shortcut = _known_keys(Shortcut, settings["shortcut"], "shortcut")
            if "label" not in shortcut:
                raise BadData("shortcut has no `label`, expected the name of a class")
            settings["shortcut"] = Shortcut(**shortcut)
        number = len(CLASSES[classes])
        for name, least in (("train", number), ("test", number), ("seed", 0)):
            if name in settings:
                _whole(name, settings[name], least)
        composed.check_share("distractors", settings.get("distractors", cls.distractors))
        return cls(**settings)

    def scenes(self, split: str) -> Scenes:
        """The scenes of `train` or `test`: what to draw again to take a part away."""
        return composed.scenes(
            getattr(self, split),
            seed=self.seed,
            split=split,
            distractors=self.distractors,
            shortcut=self.shortcut,
            classes=self.parts,
        )


def read_composed(path: Path, image_size: int, fit: str = "resize") -> PartedSplits:
    """Draw the data set of a recipe file.

    Args:
        path: the recipe file. image_size: side of the pictures, 32 to 128. fit: not used.

    Raises:
        BadData: the recipe or the size can't be used, or the pictures would take over 4 GiB.
    """
    path = Path(path)
    recipe = Recipe.read(path)
    total = (recipe.train + recipe.test) * image_size**2 * 4
    if total > DECODED_LIMIT_BYTES:
        raise BadData(
            f"{path}: its pictures take {total / 2**30:.1f} GiB, "
            f"at most {DECODED_LIMIT_BYTES / 2**30:g} GiB are accepted"
        )
    train, test = (recipe.scenes(split) for split in ("train", "test"))
    drawn = [composed.render(scenes, image_size) for scenes in (train, test)]
    return PartedSplits(
        train=RawPart(drawn[0][0], train.labels, np.arange(recipe.train)),
        test=RawPart(drawn[1][0], test.labels, np.arange(recipe.test) + recipe.train),
        classes=tuple(recipe.parts),
        source=str(path),
        train_parts=drawn[0][1],
        test_parts=drawn[1][1],
        parts=composed_objects.NAMES,
        deciding=composed_objects.deciding(recipe.parts),
    )


def scenes_at(recipe: Recipe, index: np.ndarray) -> Scenes:
    """The scenes of images by dataset index (N,), in that order.

    Raises:
        BadData: an index that the recipe's data set doesn't have.
    """
    index = np.asarray(index, np.int64)
    outside = index[(index < 0) | (index >= recipe.train + recipe.test)]
    if len(outside):
        raise BadData(
            f"image {outside[0]} is not of this recipe, which has images 0 to "
            f"{recipe.train + recipe.test - 1}"
        )
    train, test = (recipe.scenes(split) for split in ("train", "test"))
    together = Scenes(
        *(
            np.concatenate([getattr(train, what), getattr(test, what)])
            for what in ("keys", "labels", "shown")
        ),
        seed=recipe.seed,
    )
    return together.take(index)


def _known_keys(cls: type, found: Any, what: str) -> dict[str, Any]:
    names = [field.name for field in fields(cls)]
    if not isinstance(found, dict):
        raise BadData(f"{what} is {found!r}, expected a mapping of {', '.join(names)}")
    unknown = [key for key in found if key not in names]
    if unknown:
        raise BadData(f"{what} has an unknown key {unknown[0]!r}, known are {', '.join(names)}")
    return dict(found)


def _whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise BadData(f"{name} is {value!r}, expected a whole number of {least} or more")
