"""What a teacher says at the tokens that are learnt of every training item, computed once."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from distilscope import catalog, store
from distilscope.data.texts import load
from distilscope.planning.job import Job
from distilscope.training import runtime
from distilscope.training.keeping import WAYS, Way
from distilscope.training.kept import READ, Rows
from distilscope.training.signals import EpochSignal, SignalError
from distilscope.training.targets import TargetsError
from distilscope.training.texts import Items, Shown, online_teacher, places, together
from distilscope.workflow import progress
from distilscope.workflow.provenance import Stopwatch, write_run

BATCH, FEW = 256, 8
LARGEST = 8 * 2**30
"""Bytes of a table; a larger one is refused, since every student would map it."""

log = logging.getLogger("distilscope")


def tabulate(job: Job) -> None:
    """Make the arrays of a `targets` artefact, `indices.npy`, `positions.npy` and `run.json`.

    Settings: `positions` and `taught` (a recipe's), `precision`, `threads`; perhaps `keeps`, which
    of `keeping.WAYS` (all logits where it is left out), and `top_k`. Inputs: `dataset`, `teacher`.

    Raises:
        TargetsError: the table would be larger than `LARGEST` or than the disk has room for, what
            it keeps is not finite or beyond the range of fp16, or the teacher's logits are not
            those that its head makes of its hidden states.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("load")
    settings, device = job.settings, torch.device(job.device)
    runtime.prepare(settings["threads"], job.device)
    texts = load(job.input("dataset"), device)
    items = Items.of(texts, settings)
    index, place = keys(items)
    teacher = online_teacher(job.input("teacher"), texts, settings["precision"], device)
    keeps = settings.get("keeps", "table")
    made_by = catalog.lookup(WAYS, keeps, "way to keep a teacher")
    way = made_by(teacher.model, texts.vocabulary, settings["precision"], settings)
    _require_room(job, way, keeps, len(index))
    stopwatch.phase("compute")
    difference = way.check(items.whole.at(torch.arange(min(FEW, len(items.train)), device=device)))
    started = time.perf_counter()
    largest = _fill(job, way, items, index)
    seconds = time.perf_counter() - started
    stopwatch.phase("write")
    kept = {**difference, **way.finish(job.folder)}
    notes = [f"{job.slug}: {note}" for note in kept.pop("notes", [])]
    for note in notes:
        log.warning("%s", note)
    store.write_array(job.folder / "indices.npy", index)
    store.write_array(job.folder / "positions.npy", place)
    facts = {
        "tokens": len(index),
        "items": len(items.train),
        way.largest: largest,
        **kept,
        "items_per_second": round(len(items.train) / seconds, 1),
        "device": job.device,
        **({"notes": notes} if notes else {}),
    }
    write_run(job, stopwatch, facts)


def _fill(job: Job, way: Way, items: Items, index: np.ndarray) -> float:
    """Write the arrays; the largest number of them."""
    largest, done = 0.0, 0
    stage = progress.stage("items", len(items.train), items.unit)
    with ExitStack() as written:
        arrays = {
            name: store.new_array(
                written.enter_context(store.atomic(job.folder / name)), kind, (len(index), numbers)
            )
            for name, (kind, numbers) in way.arrays.items()
        }
        for rows in together(items.whole, items.vocabulary, BATCH):
            with torch.no_grad():
                found = way.of(items.whole.at(rows))
            for name, part in found.items():
                answers = part.cpu().numpy()
                at = slice(done, done + len(answers))
                arrays[name][at] = answers
                if answers.dtype == np.float16:
                    _check_range(job.slug, answers, index[at])
                    largest = max(largest, float(np.abs(answers).max()))
            done = at.stop
            stage.advance(len(rows))
        for array in arrays.values():
            array.flush()
    return largest


def keys(items: Items) -> tuple[np.ndarray, np.ndarray]:
    """Whose tokens the rows of a table are: dataset indices int64 (P,), places int32 (P,)."""
    whole = items.whole
    index = items.train.indices.repeat_interleave(whole.counts)
    place = whole.learnt.nonzero()[:, 1] + 1
    return index.cpu().numpy(), place.cpu().numpy().astype(np.int32)


def _require_room(job: Job, way: Way, keeps: str, tokens: int) -> None:
    """Say how large the table will be before it is made, and how large others would be."""
    size = tokens * way.bytes_a_token + way.besides
    what = f"{job.slug}: `targets: {keeps}`, {tokens} tokens of {way.bytes_a_token} bytes"
    if way.besides:
        what += f" and a head of {way.besides / 1e6:.1f} MB"
    log.info("%s: %.1f MB", what, size / 1e6)
    free, room = store.room(job.folder)
    if size <= min(LARGEST, room):
        return
    reason = (
        f"more than {LARGEST / 1e9:.1f} GB, since every student maps it"
        if size > LARGEST
        else f"and the disk has {free / 1e9:.3g} GB free"
    )
    raise TargetsError(f"{what}, are {size / 1e9:.3g} GB, {reason}: {way.instead}")


def _check_range(name: str, answers: np.ndarray, index: np.ndarray) -> None:
    finite = np.isfinite(answers).all(axis=1)
    if not finite.all():
        raise TargetsError(
            f"{name}: what the teacher says of item {index[int(finite.argmin())]} is not finite "
            f"in fp16 (largest {np.finfo(np.float16).max:g}); its training has diverged: lower its "
            "recipe's `optimizer.lr`, or set `targets: online`"
        )


class TokenTable:
    """See `signals.Signal`: a `targets` artefact, mapped into memory."""

    def __init__(self, folder: Path, items: Items, precision: str = "fp32") -> None:
        """Open the table for training items.

        Args:
            precision: in which logits are made of hidden states, `fp32` or `bf16`.

        Raises:
            SignalError: it was computed for other items, or for other tokens of them.
            DamagedFile: a file is missing or altered.
        """
        folder, whole = Path(folder), items.whole
        for name, own in zip(("indices.npy", "positions.npy"), keys(items), strict=True):
            if not np.array_equal(store.open_array(folder / name), own):
                raise SignalError(
                    f"{folder} holds what the teacher says of other tokens than this student "
                    "learns: `positions` and `taught` of both recipes must agree; rebuild it"
                )
        settings = store.read_json(folder / store.RUN_FILE, settings=dict)["settings"]
        keeps = settings.get("keeps", "table")
        read = catalog.lookup(READ, keeps, "way to keep a teacher")
        self.said = read(folder, items, precision)
        self._counts = whole.counts.cpu()
        self._starts = self._counts.cumsum(0) - self._counts

    def at_epoch(self, columns: Tensor) -> EpochSignal:
        """See `Signal`."""

        def of(rows: Tensor, examples: Shown) -> Rows:
            return self.said(places(self._starts, self._counts, rows.cpu()).numpy())

        return of
