"""A folder of pictures: `train/<class>/*` and `test/<class>/*`, PNG or JPEG."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from distilscope.data.fit import FITS, check_padding
from distilscope.data.listing import entries
from distilscope.data.raw import DECODED_LIMIT_BYTES, BadData, RawSplits, in_order
from distilscope.workflow import progress

PIXEL_LIMIT = 50_000_000
"""The most pixels of one picture. Larger ones are refused before they are decoded."""

SUFFIXES = (".png", ".jpg", ".jpeg")
FORMATS = ("PNG", "JPEG")
GREY_MODES = ("1", "L", "LA")
COLOUR_MODES = ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
ORIENTATION, TURNED = 0x0112, range(2, 9)
"""EXIF's tag of how a camera was held, and its values for pixels that aren't stored upright."""
PNG_SIGNATURE, PNG_DEPTH_AT = b"\x89PNG\r\n\x1a\n", 24


@dataclass(frozen=True)
class _Picture:
    """A picture file as its header describes it."""

    file: Path
    label: int
    size: tuple[int, int]
    grey: bool


def read_image_folder(path: Path, image_size: int, fit: str = "resize") -> RawSplits:
    """Read a folder of pictures; classes and files in the order of their names.

    Names of classes are compared and kept in Unicode's composed form (NFC), so that a folder that
    came from a Mac meets its sister from elsewhere. Grey stays grey where every picture is;
    otherwise all become RGB. Transparency is laid over black. Pixels are taken as stored: an EXIF
    orientation is not applied, as in torchvision's ImageFolder, and `notes` counts the pictures
    that have one. Pictures that all have one size keep it; where sizes differ each is fitted to
    `image_size` x `image_size` by itself.

    Args:
        path: the folder.
        image_size: side in pixels, for pictures of mixed size.
        fit: `pad` or `resize`, for pictures of mixed size.

    Raises:
        BadData: a folder is missing or empty, train and test have different classes, a file is no
            PNG or JPEG, can't be decoded, has over 50 million pixels or 16 bits a channel, is too
            large to be padded, or all together are over 4 GiB.
    """
    path = Path(path)
    folders = _class_folders(path)
    train, test = (_headers(found) for found in folders)
    every = train + test
    grey = all(picture.grey for picture in every)
    target = image_size if len({picture.size for picture in every}) > 1 else None
    if target and fit == "pad":
        largest = max(every, key=lambda picture: max(picture.size))
        check_padding(*reversed(largest.size), target, str(largest.file))
    _check_memory(path, every, grey, target)
    turned: list[Path] = []
    images = [_pixels(pictures, grey, target, fit, turned) for pictures in (train, test)]
    return in_order(
        (images[0], _labels(train)),
        (images[1], _labels(test)),
        list(folders[0]),
        str(path),
        _notes(turned),
    )


def _notes(turned: list[Path]) -> list[str]:
    if not turned:
        return []
    return [
        f"{len(turned)} picture(s) have an EXIF orientation, which is not applied, such as "
        f"{turned[0]}; turn the pixels themselves if they should be upright"
    ]


# -------------------------------------------------------------------------------- folder tree


def _class_folders(path: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """The folder of each class in train and in test, in the order of the classes' names."""
    train, test = (_folders(path / part) for part in ("train", "test"))
    for missing, where, other in (
        (set(train) - set(test), "test", "train"),
        (set(test) - set(train), "train", "test"),
    ):
        if missing:
            names = ", ".join(sorted(missing))
            raise BadData(
                f"{path / where}: there is no folder for class(es) {names} of {other}, "
                "train and test need the same classes"
            )
    return train, test


def _folders(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise BadData(f"{folder}: there is no such folder, expected {folder.name}/<class>/*")
    found: dict[str, Path] = {}
    for entry in entries(folder):
        if not entry.is_dir():
            raise BadData(f"{entry}: a file beside the class folders, expected folders only")
        name = unicodedata.normalize("NFC", entry.name)
        if name in found:
            raise BadData(
                f"{folder}: the folders {found[name].name!a} and {entry.name!a} are one name, "
                f"{name}, in two Unicode forms; merge them"
            )
        found[name] = entry
    return dict(sorted(found.items()))


def _headers(classes: dict[str, Path]) -> list[_Picture]:
    pictures = []
    stage = progress.stage("headers of pictures", len(classes), "classes")
    for label, folder in enumerate(classes.values()):
        files = entries(folder)
        if not files:
            raise BadData(f"{folder}: the class has no picture, at least 1 is needed")
        pictures += [_header(file, label) for file in files]
        stage.advance()
    return pictures


# ----------------------------------------------------------------------------------- pictures


def _header(file: Path, label: int) -> _Picture:
    if file.suffix.lower() not in SUFFIXES or not file.is_file():
        raise BadData(f"{file}: it is not a picture, expected files ending in {_either(SUFFIXES)}")
    with opened(file) as picture:
        return _Picture(file, label, picture.size, picture.mode in GREY_MODES)


@contextmanager
def opened(file: Path, formats: Sequence[str] | None = FORMATS) -> Iterator[Image.Image]:
    """A picture whose header is read, small enough to decode; any fault names the file.

    `formats` are Pillow's names of what is accepted, None is whatever it decodes.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns at a limit of its own, above ours.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            found = Image.open(file, formats=formats)
        with found as picture:
            if picture.width * picture.height > PIXEL_LIMIT:
                raise Image.DecompressionBombError
            _check_depth(file, picture)
            yield picture
    except BadData:
        raise
    except Image.DecompressionBombError as error:
        raise BadData(f"{file}: it has over {PIXEL_LIMIT} pixels, make it smaller") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        kind = " or ".join(formats) if formats else "a picture"
        raise BadData(f"{file}: it can't be decoded as {kind} ({error})") from error


def _check_depth(file: Path, picture: Image.Image) -> None:
    """Refuse 16 bits a channel: Pillow would drop the lower 8 of a colour PNG without a word."""
    if picture.mode not in GREY_MODES + COLOUR_MODES:
        found = f"Pillow's mode {picture.mode!r}"
    elif picture.format == "PNG" and _png_depth(file) > 8:
        found = f"{_png_depth(file)} bits a channel"
    else:
        return
    raise BadData(f"{file}: its pixels are of {found}, expected 8 bits a channel")


def _png_depth(file: Path) -> int:
    """Bits a channel of a PNG, or of a palette's index, from its first chunk (IHDR)."""
    with open(file, "rb") as handle:
        start = handle.read(PNG_DEPTH_AT + 1)
    return start[PNG_DEPTH_AT] if start.startswith(PNG_SIGNATURE) else 8


def decoded(
    file: Path, grey: bool, formats: Sequence[str] | None = FORMATS
) -> tuple[Image.Image, bool]:
    """The pixels in mode L or RGB with transparency laid over black; whether EXIF turns them."""
    mode = "L" if grey else "RGB"
    with opened(file, formats) as picture:
        picture.load()
        turned = _orientation(picture) in TURNED
        if not picture.has_transparency_data:
            return picture.convert(mode), turned
        picture = picture.convert("RGBA")
        black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, picture).convert(mode), turned


def _orientation(picture: Image.Image) -> int | None:
    """EXIF's orientation, or None where there is none or the EXIF can't be read."""
    with suppress(Exception):  # Pillow raises many kinds, and only a note depends on it
        return picture.getexif().get(ORIENTATION)
    return None


def _pixels(
    pictures: list[_Picture], grey: bool, target: int | None, fit: str, turned: list[Path]
) -> np.ndarray:
    """All pictures as one array, fitted to `target` if given; names of turned ones are added."""
    width, height = (target, target) if target else pictures[0].size
    pixels = np.empty((len(pictures), height, width, *(() if grey else (3,))), dtype=np.uint8)
    stage = progress.stage("pictures", len(pictures), "pictures")
    for position, picture in enumerate(pictures):
        upright, is_turned = decoded(picture.file, grey)
        turned += [picture.file] if is_turned else []
        image = np.asarray(upright)
        if target:
            image = FITS[fit](image[None], target, str(picture.file))[0]
        pixels[position] = image
        stage.advance()
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
