"""Readers of the formats that people keep their own images in.

A reader is called as `reader(path, image_size, fit)` and returns `RawSplits`. Only readers of
picture files need size and fit, for pictures of mixed size: the other formats hold images of one
size, which `prepare` fits.
Every fault is a `BadData` error that names the file.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from distilscope.data.image_folder import read_image_folder
from distilscope.data.raw import (
    DECODED_LIMIT_BYTES,
    BadData,
    RawPart,
    RawSplits,
    in_order,
    numbered_classes,
)

__all__ = ["read_idx", "read_image_folder", "read_npz"]

NPZ_IMAGES = ("train_images", "train_labels", "test_images", "test_labels")
NPZ_INDICES = ("train_indices", "test_indices")
NPZ_NAMES = "class_names"
TEXT = ("U", "S")
"""NumPy's kinds of text and of bytes."""

IDX_IMAGES_MAGIC = 2051
IDX_LABELS_MAGIC = 2049
IDX_NAMES_FILE = "classes.txt"


# ---------------------------------------------------------------------------------------- npz


def read_npz(path: Path, image_size: int, fit: str = "resize") -> RawSplits:
    """Read an .npz file.

    Needed arrays: `train_images`, `test_images` (uint8, (N, H, W), (N, H, W, 1) or (N, H, W, 3)),
    `train_labels`, `test_labels` ((N,) or (N, 1): the position of the class as an integer of any
    type, or its name). Optional: `class_names` (text, in the order of the classes; without it
    text labels are classes in the order of their names), and `train_indices` with `test_indices`
    for a file that is a subset of a larger source.

    Args:
        path: the file.
        image_size, fit: not used.

    Raises:
        BadData: the file is missing, truncated or altered, an array is missing, holds Python
            objects, doesn't fit the others, or all together are over 4 GiB.
    """
    path = Path(path)
    arrays = _npz_arrays(path)
    names = _npz_names(arrays, path)
    images = [_npz_images(arrays[f"{part}_images"]) for part in _PARTS]
    labels, names = _npz_labels([arrays[f"{part}_labels"] for part in _PARTS], names, str(path))
    train, test = zip(images, labels, strict=True)
    if not set(NPZ_INDICES) <= set(arrays):
        return in_order(train, test, names, str(path))
    return RawSplits(
        train=RawPart(*train, arrays["train_indices"]),
        test=RawPart(*test, arrays["test_indices"]),
        classes=names or numbered_classes(train[1], str(path)),
        source=str(path),
    )


_PARTS = ("train", "test")


def _npz_arrays(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise BadData(f"{path}: there is no such file, expected an .npz with {_listed(NPZ_IMAGES)}")
    try:
        with zipfile.ZipFile(path) as archive:
            known = _npz_members(archive, path)
            return {key: _npz_array(archive, key, path) for key in known}
    except zipfile.BadZipFile as error:
        raise BadData(f"{path}: it is truncated, altered or not an .npz file ({error})") from error


def _npz_members(archive: zipfile.ZipFile, path: Path) -> list[str]:
    """The arrays to read, after checking that none is missing and that they fit into memory."""
    sizes = {entry.filename.removesuffix(".npy"): entry.file_size for entry in archive.infolist()}
    missing = [key for key in NPZ_IMAGES if key not in sizes]
    if missing:
        raise BadData(
            f"{path}: it has no array {missing[0]!r}; needed are {_listed(NPZ_IMAGES)}, "
            f"it has {_listed(sizes)}"
        )
    if len(sizes.keys() & set(NPZ_INDICES)) == 1:
        raise BadData(f"{path}: it has one of {_listed(NPZ_INDICES)}, give both or none")
    known = [key for key in (*NPZ_IMAGES, *NPZ_INDICES, NPZ_NAMES) if key in sizes]
    total = sum(sizes[key] for key in known)
    if total > DECODED_LIMIT_BYTES:
        raise BadData(
            f"{path}: its arrays take {total / 2**30:.1f} GiB, "
            f"at most {DECODED_LIMIT_BYTES / 2**30:g} GiB are accepted"
        )
    return known


def _npz_array(archive: zipfile.ZipFile, key: str, path: Path) -> np.ndarray:
    try:
        with archive.open(f"{key}.npy") as handle:
            array = np.lib.format.read_array(handle, allow_pickle=False)
            if handle.read(1):  # reading to the end is also what checks the CRC
                raise ValueError("bytes follow its data")
    except (
        ValueError,
        KeyError,
        OSError,
        EOFError,
        MemoryError,
        RuntimeError,
        NotImplementedError,
        zlib.error,
        zipfile.BadZipFile,
    ) as error:
        objects = "Object arrays" in str(error)
        cure = "; it holds Python objects: save text with .astype(str)" if objects else ""
        raise BadData(f"{path}: array {key!r} can't be read ({error}){cure}") from error
    return array


def _npz_names(arrays: dict[str, np.ndarray], path: Path) -> tuple[str, ...] | None:
    names = arrays.get(NPZ_NAMES)
    if names is None:
        return None
    if names.ndim != 1 or names.dtype.kind not in TEXT:
        raise BadData(
            f"{path}: array {NPZ_NAMES!r} has type {names.dtype} and shape {names.shape}, "
            "expected one text a class"
        )
    return tuple(str(name) for name in _texts(names, str(path)))


def _npz_images(images: np.ndarray) -> np.ndarray:
    """(N, H, W, 1) becomes (N, H, W)."""
    return images[..., 0] if images.ndim == 4 and images.shape[3] == 1 else images


def _npz_labels(
    given: list[np.ndarray], names: tuple[str, ...] | None, source: str
) -> tuple[list[np.ndarray], tuple[str, ...] | None]:
    """The labels of each part as positions of classes, and the classes if they are known."""
    labels = [a[:, 0] if a.ndim == 2 and a.shape[1] == 1 else a for a in given]
    textual = [a.dtype.kind in TEXT for a in labels]
    if not all(textual):
        if any(textual):
            raise BadData(f"{source}: the labels of one part are text and those of the other not")
        return labels, names
    texts = [_texts(a, source) for a in labels]
    classes = names or tuple(sorted({str(name) for part in texts for name in part.ravel()}))
    places = {name: place for place, name in enumerate(classes)}
    strange = sorted({str(name) for part in texts for name in part.ravel()} - set(places))
    if strange:
        raise BadData(f"{source}: the label {strange[0]!r} is none of {NPZ_NAMES}")
    numbers = [
        np.array([places[str(name)] for name in part.ravel()], np.int64).reshape(part.shape)
        for part in texts
    ]
    return numbers, classes


def _texts(array: np.ndarray, source: str) -> np.ndarray:
    """An array of text; bytes are read as UTF-8."""
    try:
        return array if array.dtype.kind == "U" else np.char.decode(array, "utf-8")
    except UnicodeDecodeError as error:
        raise BadData(f"{source}: a name is not UTF-8 ({error})") from error


def _listed(names) -> str:
    return ", ".join(names) or "none"


# ---------------------------------------------------------------------------------------- idx


def read_idx(path: Path, image_size: int, fit: str = "resize") -> RawSplits:
    """Read a folder of IDX files, the format of MNIST and Fashion-MNIST.

    The four files are `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the same with
    `t10k`, each plain or with `.gz` (which is taken where both lie there). A file `classes.txt`
    with one name a line is optional: without it the classes are called "0", "1", ...

    Args:
        path: the folder.
        image_size, fit: not used.

    Raises:
        BadData: a file is missing, truncated, altered (as far as its gzip checksum or its length
            tells), or not IDX.
    """
    path = Path(path)
    parts = []
    for prefix in ("train", "t10k"):
        images = _idx_array(_idx_file(path, f"{prefix}-images-idx3-ubyte"), IDX_IMAGES_MAGIC, 3)
        label_file = _idx_file(path, f"{prefix}-labels-idx1-ubyte")
        labels = _idx_array(label_file, IDX_LABELS_MAGIC, 1)
        if len(labels) != len(images):
            raise BadData(f"{label_file}: {len(labels)} labels for {len(images)} images")
        parts.append((images, labels.astype(np.int64)))
    return in_order(*parts, _idx_names(path), str(path))


def _idx_file(folder: Path, name: str) -> Path:
    for candidate in (folder / f"{name}.gz", folder / name):
        if candidate.is_file():
            return candidate
    raise BadData(f"{folder}: there is no file {name}.gz or {name}")


def _idx_array(path: Path, magic: int, dimensions: int) -> np.ndarray:
    """The uint8 array of an IDX file: big-endian magic, sizes, then exactly their product."""
    try:
        with _opened(path) as handle:
            header = np.frombuffer(handle.read(4 + 4 * dimensions), dtype=">u4")
            if len(header) != 1 + dimensions or header[0] != magic:
                found = header[0] if len(header) else "nothing"
                raise BadData(f"{path}: its first number is {found}, IDX files of it have {magic}")
            shape = tuple(int(size) for size in header[1:])
            values = _exactly(handle, shape, path)
    except BadData:
        raise
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise BadData(f"{path}: it is truncated or altered ({error})") from error
    return values.reshape(shape)


def _opened(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _exactly(handle: BinaryIO, shape: tuple[int, ...], path: Path) -> np.ndarray:
    count = int(np.prod(shape, dtype=object))
    if count > DECODED_LIMIT_BYTES:
        raise BadData(
            f"{path}: its header says {count / 2**30:.1f} GiB, "
            f"at most {DECODED_LIMIT_BYTES / 2**30:g} GiB are accepted"
        )
    data = handle.read(count)
    more = handle.read(1)  # reading to the end is also what checks a gzip file's CRC
    if len(data) != count or more:
        found = "more" if more else str(len(data))
        raise BadData(f"{path}: it is altered: its header says {count} bytes and {found} follow")
    return np.frombuffer(data, dtype=np.uint8)


def _idx_names(folder: Path) -> list[str] | None:
    file = folder / IDX_NAMES_FILE
    if not file.is_file():
        return None
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadData(f"{file}: it is not UTF-8 ({error}); save it as UTF-8") from error
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line]
