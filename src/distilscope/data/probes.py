"""The file of a probe: versions of a data set's test images, and how they are read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distilscope import store
from distilscope.data.files import IMAGES_FILE, MANIFEST_FILE
from distilscope.planning.job import Job

FILE = "images.safetensors"


@dataclass(frozen=True, eq=False)
class Images:
    """The test images of a data set, by rising dataset index.

    Attributes:
        pixels: uint8 (N, 3, H, W). labels, indices: int64 (N,).
        mean: of each channel, of pixels on [0, 1].
        classes: their number.
    """

    pixels: np.ndarray
    labels: np.ndarray
    indices: np.ndarray
    mean: Sequence[float]
    classes: int


@dataclass(frozen=True, eq=False)
class Part:
    """One version of the images.

    Attributes:
        pixels: uint8 (N, 3, H, W).
        defined: (N,) bool, False where the version could not be made and the image is as it was.
    """

    pixels: np.ndarray
    defined: np.ndarray


def whole(pixels: np.ndarray) -> Part:
    """A version that every image has."""
    return Part(pixels, np.ones(len(pixels), bool))


def read_test_images(dataset: Path, subset: Mapping[str, int] | None = None) -> Images:
    """The test images of a prepared data set; of a `subset` so many `images`, by a `seed`."""
    manifest = store.read_json(dataset / MANIFEST_FILE, classes=list, mean=list)
    file = dataset / IMAGES_FILE
    arrays = store.read_tensors(file, ["test.labels", "test.indices"])
    labels, indices = arrays["test.labels"], arrays["test.indices"]
    chosen = np.ones(len(labels), bool)
    if subset is not None and subset["images"] < len(labels):
        chosen[:] = False
        chosen[_stratified(labels, indices, subset)] = True
    (pixels,) = store.read_rows(file, [("test.images", chosen)])
    order = np.argsort(indices[chosen], kind="stable")
    kept = (array[order] for array in (pixels, labels[chosen], indices[chosen]))
    return Images(*kept, manifest["mean"], len(manifest["classes"]))


def _stratified(labels: np.ndarray, indices: np.ndarray, subset: Mapping[str, int]) -> np.ndarray:
    import torch  # which a probe of all images does without

    from distilscope.data.dataset import stratified_subset

    # Images without a label, -1, are of one class here.
    both = torch.from_numpy(labels).clamp(min=0), torch.from_numpy(indices)
    return stratified_subset(*both, subset["images"], subset["seed"]).numpy()


def write_parts(job: Job, images: Images, parts: Mapping[str, Part]) -> None:
    """Write a probe's file: its versions of the images, their labels and indices."""
    arrays = {"labels": images.labels, "indices": images.indices}
    for name, part in parts.items():
        arrays |= {f"{name}.images": part.pixels, f"{name}.defined": part.defined}
    store.write_tensors(job.folder / FILE, arrays, {"parts": list(parts)})


def read_part(probe: Path, name: str) -> dict[str, np.ndarray]:
    """`images`, `labels`, `indices` of one version.

    Raises:
        ValueError: the probe has no such version.
    """
    _require(probe, name)
    arrays = store.read_tensors(probe / FILE, [f"{name}.images", "labels", "indices"])
    return {key.removeprefix(f"{name}."): array for key, array in arrays.items()}


def _require(probe: Path, name: str) -> None:
    known = store.read_tensors_metadata(probe / FILE)["parts"]
    if name not in known:
        raise ValueError(f"{probe}: no part {name!r}; this probe has {', '.join(known)}")
