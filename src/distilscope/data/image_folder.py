"""A folder of pictures: `train/<class>/*` and `test/<class>/*`, PNG or JPEG."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from distilscope.data.fit import resize_picture
from distilscope.data.raw import DECODED_LIMIT_BYTES, BadData, RawSplits, in_order

PIXEL_LIMIT = 50_000_000
"""The most pixels of one picture. Larger ones are refused before they are decoded."""

SUFFIXES = (".png", ".jpg", ".jpeg")
FORMATS = ("PNG", "JPEG")
GREY_MODES = ("1", "L", "LA")
COLOUR_MODES = ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
CLUTTER = ("Thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class _Picture:
    """A picture file as its header describes it."""

    file: Path
    label: int
    size: tuple[int, int]
    grey: bool


def read_image_folder(path: Path, image_size: int) -> RawSplits:
    """Read a folder of pictures; classes and files in the order of their names.

    Grey stays grey where every picture is; otherwise all become RGB. Transparency is laid over
    black. Pixels are taken as stored (an EXIF orientation is not applied, as in torchvision's
    ImageFolder). Pictures that all have one size keep it; where sizes differ each is scaled to
    `image_size` x `image_size`.

    Args:
        path: the folder.
        image_size: side in pixels, for pictures of mixed size.

    Raises:
        BadData: a folder is missing or empty, train and test have different classes, a file is no
            PNG or JPEG, can't be decoded, has over 50 million pixels or 16 bits a channel, or
            all together are over 4 GiB.
    """
    path = Path(path)
    classes = _classes(path)
    train, test = (_headers(path / part, classes) for part in ("train", "test"))
    grey = all(picture.grey for picture in train + test)
    sizes = {picture.size for picture in train + test}
    target = image_size if len(sizes) > 1 else None
    _check_memory(path, train + test, grey, target)
    return in_order(
        (_pixels(train, grey, target), _labels(train)),
        (_pixels(test, grey, target), _labels(test)),
        classes,
        str(path),
    )


# -------------------------------------------------------------------------------- folder tree


def _classes(path: Path) -> list[str]:
    train, test = (_class_names(path / part) for part in ("train", "test"))
    for missing, where, other in (
        (train - test, "test", "train"),
        (test - train, "train", "test"),
    ):
        if missing:
            names = ", ".join(sorted(missing))
            raise BadData(
                f"{path / where}: there is no folder for class(es) {names} of {other}, "
                "train and test need the same classes"
            )
    return sorted(train)


def _class_names(folder: Path) -> set[str]:
    if not folder.is_dir():
        raise BadData(f"{folder}: there is no such folder, expected {folder.name}/<class>/*")
    entries = _entries(folder)
    for entry in entries:
        if not entry.is_dir():
            raise BadData(f"{entry}: a file beside the class folders, expected folders only")
    return {entry.name for entry in entries}


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder in the order of names, without hidden files and system clutter."""
    found = (e for e in folder.iterdir() if not e.name.startswith(".") and e.name not in CLUTTER)
    return sorted(found, key=lambda entry: entry.name)


def _headers(folder: Path, classes: list[str]) -> list[_Picture]:
    pictures = []
    for label, name in enumerate(classes):
        files = _entries(folder / name)
        if not files:
            raise BadData(f"{folder / name}: the class has no picture, at least 1 is needed")
        pictures += [_header(file, label) for file in files]
    return pictures


# ----------------------------------------------------------------------------------- pictures


def _header(file: Path, label: int) -> _Picture:
    if file.suffix.lower() not in SUFFIXES or not file.is_file():
        raise BadData(f"{file}: it is not a picture, expected files ending in {_either(SUFFIXES)}")
    with opened(file) as picture:
        if picture.mode not in GREY_MODES + COLOUR_MODES:
            raise BadData(
                f"{file}: its pixels are of Pillow's mode {picture.mode!r}, "
                "expected 8 bits a channel"
            )
        return _Picture(file, label, picture.size, picture.mode in GREY_MODES)


@contextmanager
def opened(file: Path) -> Iterator[Image.Image]:
    """A picture whose header is read, small enough to decode; any fault names the file."""
    try:
        with warnings.catch_warnings():
            # Pillow warns at a limit of its own, above ours.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            found = Image.open(file, formats=FORMATS)
        with found as picture:
            if picture.width * picture.height > PIXEL_LIMIT:
                raise Image.DecompressionBombError
            yield picture
    except BadData:
        raise
    except Image.DecompressionBombError as error:
        raise BadData(f"{file}: it has over {PIXEL_LIMIT} pixels, make it smaller") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise BadData(f"{file}: it can't be decoded as PNG or JPEG ({error})") from error


def _decoded(file: Path, grey: bool) -> Image.Image:
    """The pixels in mode L or RGB, with transparency laid over black."""
    mode = "L" if grey else "RGB"
    with opened(file) as picture:
        picture.load()
        if not picture.has_transparency_data:
            return picture.convert(mode)
        picture = picture.convert("RGBA")
        black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, picture).convert(mode)


def _pixels(pictures: list[_Picture], grey: bool, target: int | None) -> np.ndarray:
    width, height = (target, target) if target else pictures[0].size
    pixels = np.empty((len(pictures), height, width, *(() if grey else (3,))), dtype=np.uint8)
    for position, picture in enumerate(pictures):
        decoded = _decoded(picture.file, grey)
        if target and decoded.size != (target, target):
            decoded = resize_picture(decoded, target)
        pixels[position] = np.asarray(decoded)
    return pixels


def _labels(pictures: list[_Picture]) -> np.ndarray:
    return np.array([picture.label for picture in pictures], dtype=np.int64)


def _check_memory(path: Path, pictures: list[_Picture], grey: bool, target: int | None) -> None:
    width, height = (target, target) if target else pictures[0].size
    total = len(pictures) * width * height * (1 if grey else 3)
    if total > DECODED_LIMIT_BYTES:
        raise BadData(
            f"{path}: its {len(pictures)} pictures of {width}x{height} pixels take "
            f"{total / 2**30:.1f} GiB, at most {DECODED_LIMIT_BYTES / 2**30:g} GiB are accepted; "
            "make the pictures smaller"
        )


def _either(words: tuple[str, ...]) -> str:
    return ", ".join(words[:-1]) + " or " + words[-1]
