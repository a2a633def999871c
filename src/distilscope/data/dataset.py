"""A prepared data set in memory: uint8 images on the device, and what normalises them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from distilscope import catalog, store
from distilscope.data.files import IMAGES_FILE, MANIFEST_FILE
from distilscope.data.hashing import Stream, mix, ranks_in_class


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
class Normalisation:
    """(pixel / 255 - mean) / std for each channel, on one device.

    Attributes:
        mean, std: a number a channel, of pixels on [0, 1].
        device: where the batches are.

    Raises:
        ValueError: a standard deviation that is not above 0.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    device: str | torch.device = "cpu"
    _scale: torch.Tensor = field(init=False, repr=False)
    _shift: torch.Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Put the two constants of each channel on the device once, not once a batch."""
        if len(self.mean) != len(self.std) or not all(std > 0 for std in self.std):
            raise ValueError(
                f"normalisation: mean {self.mean} and std {self.std} need one number a channel, "
                "with every std above 0"
            )
        mean, std = (np.array(numbers, dtype=np.float64) for numbers in (self.mean, self.std))
        for name, values in (("_scale", 1 / (255 * std)), ("_shift", -mean / std)):
            constant = torch.from_numpy(values.astype(np.float32)).to(self.device)
            object.__setattr__(self, name, constant.view(-1, 1, 1))

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Normalise uint8 (N, C, H, W) to float32 of the same shape and memory format."""
        return batch.to(torch.float32).mul_(self._scale).add_(self._shift)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A prepared data set.

    Attributes:
        classes: names, by label.
        image_size: side of the square images in pixels.
        normalisation: with the mean and std of the training part.
        splits: `train` (without the held-out images), `held-out` and `test`.
        unit: what its examples are called, in the plural.
    """

    classes: tuple[str, ...]
    image_size: int
    normalisation: Normalisation
    splits: Mapping[str, Split]
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

    def blank(self, batch: int) -> torch.Tensor:
        """So many black images as a network takes them: float32 (batch, 3, H, W), channels last."""
        shape = (batch, self.channels, self.image_size, self.image_size)
        zeros = torch.zeros(shape, device=self.normalisation.device)
        return zeros.to(memory_format=torch.channels_last)

    def preprocessing(self, own: Mapping[str, Sequence[float]] | None) -> Normalisation:
        """A model's own (`mean` and `std`), or the data set's where it has none."""
        if not own:
            return self.normalisation
        return Normalisation(tuple(own["mean"]), tuple(own["std"]), self.normalisation.device)

    def normalise(self, batch: torch.Tensor) -> torch.Tensor:
        """Normalise uint8 (N, 3, H, W) with the data set's own mean and std."""
        return self.normalisation(batch)


def load(folder: Path, device: str | torch.device = "cpu") -> Dataset:
    """Load what `prepare` wrote, with every image resident on `device`.

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
    images = store.read_rows(file, [(f"{part}.images", rows) for part, rows in chosen.values()])
    splits = {}
    for (name, (part, rows)), pixels in zip(chosen.items(), images, strict=True):
        known = (arrays[f"{part}.{what}"][rows] for what in ("labels", "indices"))
        splits[name] = Split(*(torch.from_numpy(a).to(device) for a in (pixels, *known)))
    return Dataset(
        classes=tuple(manifest["classes"]),
        image_size=manifest["image_size"],
        normalisation=Normalisation(tuple(manifest["mean"]), tuple(manifest["std"]), device),
        splits=splits,
    )


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
