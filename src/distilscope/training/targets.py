"""A teacher's logits for the views of every training image, computed once."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from distilscope import store
from distilscope.data.dataset import Split, load
from distilscope.models.halving import Halving
from distilscope.planning.job import Job
from distilscope.training import runtime
from distilscope.training.batches import table_of
from distilscope.training.images import Images, drawn_of, online_teacher
from distilscope.training.signals import OnlineTeacher
from distilscope.workflow import progress
from distilscope.workflow.provenance import Stopwatch, write_run

BATCH = 256
TOLERANCE = {"fp32": 2.0**-10, "bf16": 2.0**-5}
"""How far a recomputed logit may be from the stored one, as a part of the largest |logit| of its
view (at least 1): twice what fp16 storage rounds; eight units of bf16 in the last place."""

log = logging.getLogger("distilscope")


class TargetsError(ValueError):
    """A table that can't be made, or that does not hold what its teacher says."""


def tabulate(job: Job) -> None:
    """Make `logits.npy`, `views.npy`, `indices.npy` and `run.json` of a `targets` artefact.

    Settings: `views` (a recipe's), `precision`, `threads`. Inputs: `dataset`, `teacher`, and
    `views` where these are drawn. The teacher is in eval mode. It serves every objective that wants
    logits.

    Raises:
        TargetsError: the table would not fit the disk, or a logit is not finite or beyond the range
            of fp16.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("load")
    settings, device = job.settings, torch.device(job.device)
    runtime.prepare(settings["threads"], job.device)
    dataset = load(job.input("dataset"), device)
    split = dataset.split("train")
    teacher = online_teacher(job.input("teacher"), dataset, settings["precision"], device)
    inputs, table = (
        Images.of(dataset, settings["views"], drawn=drawn_of(job)),
        table_of(settings["views"], split.indices),
    )
    stopwatch.phase("compute")
    shape = (*table.shape, len(dataset.classes))
    _require_room(job, shape)
    started = time.perf_counter()
    with store.atomic(job.folder / "logits.npy") as temporary:
        logits = store.new_array(temporary, np.float16, shape)
        halving = Halving("teacher")
        largest = _fill(logits, job.slug, teacher, inputs, table, halving)
        logits.flush()
    seconds = time.perf_counter() - started
    stopwatch.phase("write")
    store.write_array(job.folder / "views.npy", table.numpy())
    store.write_array(job.folder / "indices.npy", split.indices.cpu().numpy())
    facts = {
        "views": table.shape[1],
        "images": len(split),
        "largest_logit": largest,
        "images_per_second": round(table.numel() / seconds, 1),
        "device": job.device,
    }
    if notes := halving.notes("views"):
        facts["notes"] = [f"{job.slug}: {note}" for note in notes]
    write_run(job, stopwatch, facts)


def _require_room(job: Job, shape: tuple[int, int, int]) -> None:
    """Say how large the table will be, before it is made."""
    images, views, classes = shape
    of_a_view = images * classes * np.dtype(np.float16).itemsize
    size, (free, room) = views * of_a_view, store.room(job.folder)
    what = f"{job.slug}: logits of {classes} classes for {views} views of {images} images"
    log.info("%s, %.3g GB", what, size / 1e9)
    if size <= room:
        return
    most = room // of_a_view
    fewer = f"`views.per_image` of {most} or less" if most else "fewer images"
    raise TargetsError(
        f"{what} take {size / 1e9:.3g} GB and the disk has {free / 1e9:.3g} GB free; give {fewer}, "
        "or `targets: online`, which keeps no table"
    )


def _fill(
    logits: np.ndarray,
    name: str,
    teacher: OnlineTeacher,
    inputs: Images,
    table: Tensor,
    halving: Halving,
) -> float:
    """Fill the table image by image, so that it is written front to back; the largest |logit|."""
    flat = logits.reshape(-1, logits.shape[-1])
    largest, stage = 0.0, progress.stage("views", len(flat), "views")
    for pairs in torch.arange(len(flat)).split(BATCH):
        answers = np.concatenate(
            halving.run(
                len(pairs), lambda rows, some=pairs: _answers(some[rows], teacher, inputs, table)
            )
        )
        _check_range(name, pairs, answers, inputs.train, table)
        flat[pairs[0] : pairs[-1] + 1] = answers
        largest = max(largest, float(np.abs(answers).max()))
        stage.advance(len(pairs))
    return largest


def _answers(pairs: Tensor, teacher: OnlineTeacher, inputs: Images, table: Tensor) -> np.ndarray:
    """Logits fp16 (B, C) of pairs (row times V plus column), int64 (B,)."""
    device = inputs.device
    rows = (pairs // table.shape[1]).to(device)
    view_ids = table.view(-1)[pairs].long().to(device)
    return teacher.answer(inputs.shown(rows, view_ids)).cpu().numpy()


def _check_range(
    name: str, pairs: Tensor, answers: np.ndarray, split: Split, table: Tensor
) -> None:
    finite = np.isfinite(answers).all(axis=1)
    if not finite.all():
        place = _place(pairs[int(finite.argmin())], split, table)
        raise TargetsError(
            f"{name}: the teacher's logits for {place} are not finite in fp16 (largest "
            f"{np.finfo(np.float16).max:g}); its training has diverged: lower its recipe's "
            "`optimizer.lr`, or set `targets: online`"
        )


def _place(pair: Tensor, split: Split, table: Tensor) -> str:
    row = int(pair) // table.shape[1]
    return f"index {int(split.indices[row])}, view {int(table.view(-1)[pair])}"


# ---------------------------------------------------------------------------------- verifying


@dataclass(frozen=True)
class Verification:
    """What comparing stored with recomputed logits found.

    Attributes:
        checked: views that were recomputed.
        largest: the largest difference, as a part of its view's largest |logit| (at least 1).
        tolerance: what it may be at the table's precision.
        worst: dataset index and view id of the largest difference.
    """

    checked: int
    largest: float
    tolerance: float
    worst: tuple[int, int]


def verify(
    folder: Path,
    dataset_folder: Path,
    model_folder: Path,
    sample: int,
    seed: int,
    device: str = "cpu",
) -> Verification:
    """Recompute a random sample of a table's views at its own precision and compare.

    Args:
        folder: a `targets` artefact.
        dataset_folder, model_folder: what it was made from.
        sample: how many views; all of them where there are fewer.
        seed: of the sample.
        device: where to compute.

    Raises:
        TargetsError: the table holds other images or views, or a logit differs by more than
            `TOLERANCE`; the worst index and view are named.
        DamagedFile: a file is missing or altered.
    """
    folder, where = Path(folder), torch.device(device)
    run = store.read_json(folder / "run.json", settings=dict, inputs=dict)
    settings, drawn = run["settings"], run["inputs"].get("views")
    runtime.prepare(settings["threads"], device)
    dataset = load(dataset_folder, where)
    split = dataset.split("train")
    table = table_of(settings["views"], split.indices)
    _check_keys(folder, split, table)
    stored = store.open_array(folder / "logits.npy")
    teacher = online_teacher(Path(model_folder), dataset, settings["precision"], where)
    inputs = Images.of(dataset, settings["views"], drawn=Path(drawn) if drawn else None)
    largest, worst, checked = -1.0, 0, 0
    for pairs in _sampled(table.numel(), sample, seed):
        now = _answers(pairs, teacher, inputs, table).astype(np.float64)
        kept = stored.reshape(-1, stored.shape[-1])[pairs.numpy()].astype(np.float64)
        parts = np.abs(kept - now).max(axis=1) / np.maximum(np.abs(now).max(axis=1), 1)
        parts[np.isnan(parts)] = np.inf
        if parts.max() > largest:
            largest, worst = float(parts.max()), int(pairs[int(parts.argmax())])
        checked += len(pairs)
    tolerance = TOLERANCE[settings["precision"]]
    if largest > tolerance:
        raise TargetsError(
            f"{folder}: {_place(torch.tensor(worst), split, table)}: the stored logits differ "
            f"from what the teacher says now by {largest:.2g} of their size, more than "
            f"{tolerance:.2g} (worst of {checked} views). Remove the table and run again"
        )
    row = worst // table.shape[1]
    return Verification(
        checked, largest, tolerance, (int(split.indices[row]), int(table.view(-1)[worst]))
    )


def _check_keys(folder: Path, split: Split, table: Tensor) -> None:
    if not np.array_equal(store.open_array(folder / "indices.npy"), split.indices.cpu().numpy()):
        raise TargetsError(f"{folder} holds the logits of other images than the dataset's")
    if not np.array_equal(store.open_array(folder / "views.npy"), table.numpy()):
        raise TargetsError(f"{folder} holds other views than its settings say")


def _sampled(total: int, sample: int, seed: int) -> Iterator[Tensor]:
    chosen = np.random.default_rng(seed).choice(total, size=min(sample, total), replace=False)
    return iter(torch.from_numpy(np.sort(chosen)).split(BATCH))
