"""Drawn views: some draws of a random policy for each image, rendered once.

A draw is a function of the image's dataset index and the draw's number alone: all policies, and
every run, start torch's generator alike for it. Whoever trains reads pictures and augments nothing,
so that a teacher can be asked once about each.
"""

from __future__ import annotations

import logging
import pkgutil
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from distilscope import store
from distilscope.data.dataset import Split, load
from distilscope.data.hashing import Stream, mix
from distilscope.planning.job import Job
from distilscope.workflow import progress
from distilscope.workflow.provenance import Stopwatch, write_run

log = logging.getLogger("distilscope")


class DrawnError(ValueError):
    """Draws that can't be made or kept; the message says why and what would be accepted."""


class Drawn:
    """The draws of a split's images, mapped into memory.

    Attributes:
        count: draws of each image.
    """

    def __init__(self, folder: Path, split: Split) -> None:
        """Open what `make` wrote for these images.

        Raises:
            DrawnError: the draws are of other images.
            DamagedFile: a file is missing or altered.
        """
        kept = store.open_array(Path(folder) / "indices.npy")
        if not np.array_equal(kept, split.indices.cpu().numpy()):
            raise DrawnError(f"{folder} holds draws of other images than the dataset's: rebuild it")
        self._images = store.open_array(Path(folder) / "images.npy")
        self.count = self._images.shape[1]
        self._device = split.labels.device

    def shown(self, rows: Tensor, draws: Tensor) -> Tensor:
        """The draws (B,) of the images at rows (B,): uint8 (B, 3, H, W), on the split's device."""
        chosen = self._images[rows.cpu().numpy(), draws.cpu().numpy()]
        return torch.from_numpy(chosen).to(self._device, non_blocking=True)


def draw(transform: torch.nn.Module, image: Tensor, index: int, number: int) -> Tensor:
    """Draw `number` of the image uint8 (3, H, W) that has this dataset index."""
    seed = int(mix(Stream.DRAWN_VIEW, index, number) >> np.uint64(1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return transform(image)


def make(job: Job) -> None:
    """Make `images.npy` uint8 (N, V, 3, H, W), `indices.npy` int64 (N,) and `run.json`.

    Settings: `transform`, a dotted path, and its `arguments`; `split`; `per_image`, V.
    Input: `dataset`.

    Raises:
        DrawnError: the draws would not fit the disk, or the policy changes the size of an image.
        ValueError: the policy can't be made with its settings.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("load")
    torch.set_num_threads(1)
    settings = job.settings
    dataset = load(job.input("dataset"))
    split = dataset.split(settings["split"])
    make_transform = pkgutil.resolve_name(settings["transform"])
    transform = make_transform(dataset.image_size, **settings["arguments"])
    shape = (len(split), settings["per_image"], *split.images.shape[1:])
    require_room(job.folder, job.slug, shape)
    stopwatch.phase("compute")
    started = time.perf_counter()
    with store.atomic(job.folder / "images.npy") as temporary:
        images = store.new_array(temporary, np.uint8, shape)
        _fill(images, job.slug, transform, split)
        images.flush()
    seconds = time.perf_counter() - started
    stopwatch.phase("write")
    store.write_array(job.folder / "indices.npy", split.indices.numpy())
    count = shape[0] * shape[1]
    facts = {"images": shape[0], "draws": shape[1], "megabytes": round(np.prod(shape) / 1e6, 1)}
    write_run(job, stopwatch, {**facts, "images_per_second": round(count / seconds, 1)})


def require_room(folder: Path, name: str, shape: tuple[int, ...]) -> None:
    """Say how large draws of this shape will be, before they are made.

    Raises:
        DrawnError: the disk has not so much room.
    """
    size, (free, room) = int(np.prod(shape, dtype=np.int64)), store.room(folder)
    log.info("%s: %d draws of %d images, %.3g GB", name, shape[1], shape[0], size / 1e9)
    if size <= room:
        return
    most = room // (size // shape[1])
    cure = f"`views.per_image` of {most} or less, or fewer images" if most else "fewer images"
    raise DrawnError(
        f"{name}: {shape[1]} draws of {shape[0]} images take {size / 1e9:.3g} GB and the disk has "
        f"{free / 1e9:.3g} GB free; give {cure}, or a smaller `data.image_size`"
    )


def _fill(images: np.ndarray, name: str, transform: torch.nn.Module, split: Split) -> None:
    """Image by image, so that the file is written front to back."""
    numbers = range(images.shape[1])
    stage = progress.stage("draws", images.shape[0] * images.shape[1], "draws")
    for row, (image, index) in enumerate(zip(split.images, split.indices.tolist(), strict=True)):
        for number in numbers:
            found = draw(transform, image, index, number)
            if found.shape != image.shape or found.dtype != image.dtype:
                raise DrawnError(
                    f"{name}: the policy makes {found.dtype} {tuple(found.shape)} of an image that "
                    f"is {image.dtype} {tuple(image.shape)}; take one that keeps size and type"
                )
            images[row, number] = found.numpy()
        stage.advance(len(numbers))
