"""Small made-up sources of images in every format."""

import gzip
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from distilscope import catalog
from distilscope.data.raw import RawSplits, in_order
from distilscope.planning.job import Job

REPOSITORY = Path(__file__).parents[3]
BUNDLED = REPOSITORY / catalog.DATASETS["fashion-mnist-subset"].bundled_file


def made_up(train_per_class=(5, 5, 5), test_per_class=(3, 3, 3), shape=(6, 6), seed=0) -> RawSplits:
    """Random images, labels in a mixed order."""
    generator = np.random.default_rng(seed)
    parts = []
    for counts in (train_per_class, test_per_class):
        labels = generator.permutation(np.repeat(np.arange(len(counts)), counts))
        parts.append((generator.integers(0, 256, (len(labels), *shape), dtype=np.uint8), labels))
    names = ["cat", "dog", "eel", "fox"][: len(train_per_class)]
    return in_order(*parts, names, "made-up")


def npz_fields(raw: RawSplits) -> dict[str, np.ndarray]:
    """The arrays of an .npz that holds `raw`."""
    return {
        "train_images": raw.train.images,
        "train_labels": raw.train.labels,
        "test_images": raw.test.images,
        "test_labels": raw.test.labels,
        "class_names": np.array(raw.classes),
    }


def idx_bytes(array: np.ndarray) -> bytes:
    """A uint8 array as an IDX file."""
    header = struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_idx(folder: Path, raw: RawSplits, *, compressed: bool = True) -> None:
    """The four IDX files of `raw`."""
    folder.mkdir(parents=True, exist_ok=True)
    for prefix, part in (("train", raw.train), ("t10k", raw.test)):
        for name, array in (("images-idx3", part.images), ("labels-idx1", part.labels)):
            content = idx_bytes(array)
            file = folder / f"{prefix}-{name}-ubyte"
            if compressed:
                file = file.with_name(file.name + ".gz")
                content = gzip.compress(content, mtime=0)
            file.write_bytes(content)


def write_pictures(folder: Path, pictures: dict[str, np.ndarray | Image.Image]) -> None:
    """Pictures by relative path."""
    for name, picture in pictures.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        image.save(file)


def settings(**changes):
    return {
        "name": "own",
        "reader": "distilscope.data.readers:read_npz",
        "image_size": 8,
        "fit": "pad",
        "held_out": {"fraction": 0.2, "seed": 0},
        "limit": {"train": None, "test": None},
        **changes,
    }


def job(folder, source, **changes):
    return Job(
        kind="dataset",
        slug="own",
        identity="0" * 12,
        settings=settings(**changes),
        inputs={},
        folder=folder,
        information={"source": str(source)},
    )
