"""The text files of a folder in the form of CUB-200-2011, read and checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distilscope.data.part_maps import MOST_PARTS
from distilscope.data.raw import BadData


@dataclass(frozen=True)
class AnnotationTables:
    """The text files, a row an image in the order of images.txt; x and y in the picture's pixels.

    `boxes` is NaN where there is none; `unlisted` are annotations of images that aren't listed.
    """

    files: tuple[str, ...]
    labels: np.ndarray
    train: np.ndarray
    index: np.ndarray
    boxes: np.ndarray
    points: np.ndarray
    visible: np.ndarray
    parts: tuple[str, ...]
    classes: tuple[str, ...]
    unlisted: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> AnnotationTables:
        """Read and check the text files of a folder."""
        files = {key: rest for key, (rest,) in _table(path / "images.txt", 1).items()}
        place = {key: row for row, key in enumerate(files)}
        labels = _of_every_image(path / "image_class_labels.txt", files)
        split = _of_every_image(path / "train_test_split.txt", files)
        train = np.array([value == "1" for value in split], bool)
        names = _class_names(path / "classes.txt", labels)
        number = {key: row for row, key in enumerate(names)}
        parts = {key: rest for key, (rest,) in _table(path / "parts/parts.txt", 1).items()}
        if not 1 <= len(parts) <= MOST_PARTS:
            raise BadData(
                f"{path / 'parts/parts.txt'}: {len(parts)} parts, expected 1 to {MOST_PARTS}"
            )
        boxes, lost_boxes = _boxes(path / "bounding_boxes.txt", place)
        points, visible, lost_points = _points(path / "parts/part_locs.txt", place, list(parts))
        return cls(
            files=tuple(files.values()),
            labels=np.array([number[value] for value in labels], np.int64),
            train=train,
            index=np.where(train, np.cumsum(train) - 1, train.sum() + np.cumsum(~train) - 1),
            boxes=boxes,
            points=points,
            visible=visible,
            parts=tuple(parts.values()),
            classes=tuple(names.values()),
            unlisted=tuple(dict.fromkeys((*lost_boxes, *lost_points))),
        )


def _lines(file: Path, values: int) -> Iterator[tuple[int, str, list[str]]]:
    """Line number, id and the `values` that follow it; the last value may hold blanks."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise BadData(f"{file}: there is no such file") from error
    except (OSError, ValueError) as error:
        raise BadData(f"{file}: it can't be read as text ({error})") from error
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split(maxsplit=values)
        if words and len(words) != values + 1:
            raise BadData(f"{file}, line {number}: {line!r}, expected an id and {values} value(s)")
        if words:
            yield number, words[0], [word.strip() for word in words[1:]]


def _table(file: Path, values: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for number, key, rest in _lines(file, values):
        if key in found:
            raise BadData(f"{file}, line {number}: id {key} occurs twice")
        found[key] = rest
    if not found:
        raise BadData(f"{file}: it is empty")
    return found


def _of_every_image(file: Path, files: dict[str, str]) -> list[str]:
    found = _table(file, 1)
    for key, name in files.items():
        if key not in found:
            raise BadData(f"{file}: there is no line for image {key} ({name})")
    return [found[key][0] for key in files]


def _class_names(file: Path, labels: list[str]) -> dict[str, str]:
    """Class id -> name, for the classes that occur; ids serve as names without classes.txt."""
    used = sorted(set(labels), key=lambda key: (len(key), key))
    if not file.is_file():
        return {key: key for key in used}
    names = _table(file, 1)
    for key in used:
        if key not in names:
            raise BadData(f"{file}: there is no line for class {key}, which an image has")
    return {key: names[key][0] for key in used}


def _boxes(file: Path, place: dict[str, int]) -> tuple[np.ndarray, list[str]]:
    boxes = np.full((len(place), 4), np.nan)
    unlisted = []
    for key, rest in _table(file, 4).items():
        if key in place:
            boxes[place[key]] = _numbers(rest, f"{file}: image {key}")
        else:
            unlisted.append(f"image {key}")
    return boxes, unlisted


def _points(
    file: Path, place: dict[str, int], parts: list[str]
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    points = np.zeros((len(place), len(parts), 2))
    visible = np.zeros((len(place), len(parts)), bool)
    unlisted = []
    for number, key, (part, x, y, seen) in _lines(file, 4):
        where = f"{file}, line {number}"
        if part not in parts:
            raise BadData(f"{where}: part {part} is not in parts.txt")
        if key not in place:
            unlisted.append(f"image {key}")
            continue
        cell = place[key], parts.index(part)
        if seen not in ("0", "1"):
            raise BadData(f"{where}: visibility is {seen!r}, expected 0 or 1")
        if seen == "1":
            points[cell] = _numbers([x, y], where)
            visible[cell] = True
    return points, visible, unlisted


def _numbers(words: list[str], where: str) -> list[float]:
    try:
        numbers = [float(word) for word in words]
    except ValueError as error:
        raise BadData(f"{where}: {' '.join(words)!r}, expected numbers") from error
    if not np.isfinite(numbers).all():
        raise BadData(f"{where}: {' '.join(words)!r}, expected finite numbers")
    return numbers
