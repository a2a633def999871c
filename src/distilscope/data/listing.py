"""Which files of a place each reader reads: the readers and the identity go by the same lists.

What operating systems and file managers leave in folders is known by one list. Nothing here
imports NumPy: the plan is made with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

CLUTTER = frozenset(
    {
        "$recycle.bin",
        "@eadir",
        "__macosx",
        "desktop.ini",
        "ehthumbs.db",
        "ehthumbs_vista.db",
        "icon\r",
        "system volume information",
        "thumbs.db",
    }
)
"""Names, in lower case, of what no user put there; names that begin with a dot are clutter too."""

PARTS = ("train", "test")
IDX_FILES = tuple(
    f"{prefix}-{what}-ubyte"
    for prefix in ("train", "t10k")
    for what in ("images-idx3", "labels-idx1")
)
IDX_NAMES = "classes.txt"
ANNOTATIONS = (
    "images.txt",
    "image_class_labels.txt",
    "train_test_split.txt",
    "bounding_boxes.txt",
    "parts/parts.txt",
    "parts/part_locs.txt",
    "classes.txt",
)


def is_clutter(name: str) -> bool:
    """Whether a file or folder of that name is passed over: `.DS_Store`, `._x`, `Thumbs.db` ..."""
    return name.startswith(".") or name.lower() in CLUTTER


def entries(folder: Path) -> list[Path]:
    """What lies in a folder, in the order of names, without clutter; links are followed."""
    found = (entry for entry in Path(folder).iterdir() if not is_clutter(entry.name))
    return sorted(found, key=lambda entry: entry.name)


def everything(place: Path) -> Iterator[Path]:
    """A file, or all files of a folder, through links to folders too; without clutter.

    Raises:
        OSError: a folder can't be read, or lies within itself by a link.
    """
    yield from map(Path, _everything(place))


def _everything(place: Path) -> Iterator[str]:
    """The same as text: of many pictures, making a path of each takes longer than to list them."""
    if not place.is_dir():
        yield str(place)
        return
    yield from _below(str(place), (os.path.realpath(place),))


def _below(folder: str, above: tuple[str, ...]) -> Iterator[str]:
    with os.scandir(folder) as found:  # it knows folders without asking for each file
        inside = sorted((e for e in found if not is_clutter(e.name)), key=lambda e: e.name)
    for entry in inside:
        if not entry.is_dir():
            yield entry.path
            continue
        real = os.path.realpath(entry.path)
        if real in above:
            raise OSError(f"{entry.path} is a link to a folder that it lies in")
        yield from _below(entry.path, (*above, real))


def of_image_folder(place: Path) -> Iterator[Path]:
    """`train/<class>/*` and `test/<class>/*`: all of it, since the reader refuses what is odd."""
    for part in PARTS:
        if (place / part).is_dir():
            yield from everything(place / part)


def of_idx(place: Path) -> Iterator[Path]:
    """The four files, compressed or not, and the names of the classes."""
    names = [each for name in IDX_FILES for each in (f"{name}.gz", name)]
    yield from (place / name for name in (*names, IDX_NAMES) if (place / name).is_file())


def of_annotated_parts(place: Path) -> Iterator[Path]:
    """The tables, and the pictures that `images.txt` lists."""
    yield from (place / name for name in ANNOTATIONS if (place / name).is_file())
    try:
        lines = (place / "images.txt").read_bytes().splitlines()
    except OSError:
        return
    listed = (
        os.fsdecode(line.split(maxsplit=1)[1].strip()) for line in lines if len(line.split()) > 1
    )
    pictures = (place / "images" / name for name in dict.fromkeys(listed))
    yield from (picture for picture in pictures if picture.is_file())


PICTURES = (
    *(".avif", ".bmp", ".dib", ".gif", ".icns", ".ico", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg"),
    *(".jpg", ".jpx", ".pbm", ".pcx", ".pgm", ".png", ".pnm", ".ppm", ".qoi", ".sgi", ".tga"),
    *(".tif", ".tiff", ".webp"),
)
"""How files of pictures that Pillow decodes are called, in lower case."""


def of_pictures(place: Path) -> Iterator[Path]:
    """Every picture below a folder, whatever else lies beside them."""
    yield from (Path(file) for file in _everything(place) if file.lower().endswith(PICTURES))


TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


def of_tokenizer(place: Path) -> Iterator[Path]:
    """A file, or those of a folder that say how texts become tokens."""
    if place.is_file():
        yield place
    yield from (place / name for name in TOKENIZER_FILES if (place / name).is_file())


def of_language_model(place: Path) -> Iterator[Path]:
    """A file, or those of a folder of the Hugging Face hub: its description, weights, tokenizer."""
    if place.is_file():
        yield place
        return
    yield from (
        place / name for name in ("config.json", *TOKENIZER_FILES) if (place / name).is_file()
    )
    yield from sorted(place.glob("*.safetensors"))
