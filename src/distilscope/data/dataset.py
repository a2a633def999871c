"""A prepared data set in memory: uint8 images on the device, and what normalises them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from distilscope import catalog, store
from distilscope.data.files import IMAGES_FILE, MANIFEST_FILE
from distilscope.data.hashing import Stream, mix, ranks_in_class
from distilscope.data.normalisation import Normalisation
from distilscope.data.preprocessing import Preprocessing


@dataclass(frozen=True, eq=False)
class Split:
    """Some images of a data set, in the order of their dataset indices.

    Attributes:
        images: uint8 (N, 3, H, W).
        labels: int64 (N,).
        indices: int64 (N,), dataset indices.
    """

    images: torch.Tensor
    labels: torch.Tensor
    indices: torch.Tensor

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def examples(self) -> torch.Tensor:
        """The images, for who need not know that they are images."""
        return self.images


@dataclass(frozen=True, eq=False)
class Dataset:
    """A prepared data set.

    Attributes:
        classes: names, by label.
        image_size: side of the square images in pixels.
        normalisation: with the mean and std of the training part.
        share: side of the images as a part of that of the square pictures that they were cut from.
        splits: `train` (without the held-out images), `held-out` and `test`.
        unit: what its examples are called, in the plural.
    """

    classes: tuple[str, ...]
    image_size: int
    normalisation: Normalisation
    splits: Mapping[str, Split]
    share: float = 1.0
    unit: ClassVar[str] = "images"

    @property
    def channels(self) -> int:
        """3: grey images have three equal channels."""
        return 3

    @property
    def mean(self) -> tuple[float, ...]:
        """Mean of each channel over the training part, of pixels on [0, 1]."""
        return self.normalisation.mean

    @property
    def std(self) -> tuple[float, ...]:
        """Standard deviation of each channel over the training part, of pixels on [0, 1]."""
        return self.normalisation.std

    def split(self, name: str) -> Split:
        """The split `train`, `held-out` or `test`.

        Raises:
            catalog.UnknownName: another name.
        """
        return catalog.lookup(self.splits, name, "split")

    def blank(self, batch: int, own: Mapping[str, Any] | None = None) -> torch.Tensor:
        """So many black images as a network takes them: float32 (batch, 3, H, W), channels last.

        `own` is the network's preprocessing, where it has one.
        """
        size = self.input_size(own)
        shape = (batch, self.channels, size, size)
        zeros = torch.zeros(shape, device=self.normalisation.device)
        return zeros.to(memory_format=torch.channels_last)

    def input_size(self, own: Mapping[str, Any] | None) -> int:
        """Side of what a model takes: its own, or that of the images."""
        return (own or {}).get("size") or self.image_size

    def preprocessing(
        self, own: Mapping[str, Any] | None
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        """A model's own (`mean`, `std` ...; see `Preprocessing`), or the data set's normalisation.

        It takes uint8 (N, 3, H, W) and gives float32 (N, 3, size, size).
        """
        if not own:
            return self.normalisation
        return Preprocessing.of(own, self.image_size, self.normalisation.device)

    def normalise(self, batch: torch.Tensor) -> torch.Tensor:
        """Normalise uint8 (N, 3, H, W) with the data set's own mean and std."""
        return self.normalisation(batch)


def load(folder: Path, device: str | torch.device = "cpu") -> Dataset:
    """Load what `prepare` wrote, with every image resident on `device`.

    Frames of pictures stay on the disk, mapped: a batch is read when it is asked for.

    Raises:
        store.DamagedFile: a file is missing or is not as it was written.
    """
    folder = Path(folder)
    manifest = store.read_json(folder / MANIFEST_FILE, classes=list, mean=list, std=list)
    file = folder / IMAGES_FILE
    small = [f"{part}.{what}" for part in ("train", "test") for what in ("labels", "indices")]
    arrays = store.read_tensors(file, [*small, "train.held_out"])
    held_out = arrays["train.held_out"]
    chosen = {
        "train": ("train", ~held_out),
        "held-out": ("train", held_out),
        "test": ("test", np.ones(len(arrays["test.labels"]), dtype=bool)),
    }
    if manifest.get("mapped"):
        images = [_mapped(file, part, rows) for part, rows in chosen.values()]
    else:
        rows_of = [(f"{part}.images", rows) for part, rows in chosen.values()]
        images = [torch.from_numpy(a).to(device) for a in store.read_rows(file, rows_of)]
    splits = {}
    for (name, (part, rows)), pixels in zip(chosen.items(), images, strict=True):
        known = (arrays[f"{part}.{what}"][rows] for what in ("labels", "indices"))
        splits[name] = Split(pixels, *(torch.from_numpy(a).to(device) for a in known))
    return Dataset(
        classes=tuple(manifest["classes"]),
        image_size=manifest["image_size"],
        normalisation=Normalisation(tuple(manifest["mean"]), tuple(manifest["std"]), device),
        splits=splits,
        share=manifest.get("share", 1.0),
    )


def _mapped(file: Path, part: str, rows: np.ndarray) -> torch.Tensor:
    """All images of a part of pictures, or none: they have no training images beside held-out."""
    images = torch.from_numpy(store.map_tensor(file, f"{part}.images"))
    return images if rows.all() else images[:0]


def stratified_subset(
    labels: torch.Tensor, indices: torch.Tensor, n: int, seed: int
) -> torch.Tensor:
    """Choose `n` images, as equally from the classes as their sizes allow.

    Which images are chosen depends on the seed and on their dataset indices, not on their order;
    a smaller subset is contained in a larger one.

    Args:
        labels, indices: int64 (N,).
        n: number of images, 1 to N.
        seed: another seed is another choice.

    Returns:
        int64 (n,) positions into `labels`, in the order of the dataset indices, on the CPU.

    Raises:
        ValueError: `n` is not in 1 to N.
    """
    if not 1 <= n <= len(labels):
        raise ValueError(f"a subset of {n} images is asked for, there are {len(labels)}")
    label, index = labels.cpu().numpy(), indices.cpu().numpy()
    rank = ranks_in_class(label, mix(Stream.SUBSET, seed, index))
    # All first choices of the classes, then all second ones ...; ties go to the lower class.
    chosen = np.lexsort((label, rank))[:n]
    return torch.from_numpy(chosen[np.argsort(index[chosen])])
