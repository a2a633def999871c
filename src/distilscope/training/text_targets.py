"""A teacher's logits at the tokens that are learnt of every training item, computed once."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from distilscope import store
from distilscope.data.texts import load
from distilscope.planning.job import Job
from distilscope.training import runtime
from distilscope.training.signals import EpochSignal, SignalError
from distilscope.training.targets import TargetsError
from distilscope.training.texts import Items, Shown, online_teacher, places
from distilscope.workflow import progress
from distilscope.workflow.provenance import Stopwatch, write_run

BATCH = 256
LARGEST = 8 * 2**30
"""Bytes of a table; a larger one is refused, since every student would map it."""

log = logging.getLogger("distilscope")


def tabulate(job: Job) -> None:
    """Make `logits.npy`, `indices.npy`, `positions.npy` and `run.json` of a `targets` artefact.

    All logits of the vocabulary are kept, so that the table serves every objective and temperature.
    Settings: `positions` and `taught` (a recipe's), `precision`, `threads`. Inputs: `dataset`,
    `teacher`.

    Raises:
        TargetsError: the table would be larger than `LARGEST`, or a logit is not finite or beyond
            the range of fp16.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("load")
    settings, device = job.settings, torch.device(job.device)
    runtime.prepare(settings["threads"], job.device)
    texts = load(job.input("dataset"), device)
    items = Items.of(texts, settings)
    index, place = keys(items)
    _say_size(job.slug, len(index), texts.vocabulary)
    teacher = online_teacher(job.input("teacher"), texts, settings["precision"], device)
    stopwatch.phase("compute")
    started, largest, done = time.perf_counter(), 0.0, 0
    stage = progress.stage("items", len(items.train), items.unit)
    with store.atomic(job.folder / "logits.npy") as temporary:
        logits = store.new_array(temporary, np.float16, (len(index), texts.vocabulary))
        for rows in torch.arange(len(items.train), device=device).split(BATCH):
            answers = teacher.answer(items.whole.at(rows)).cpu().numpy()
            _check_range(job.slug, answers, index[done : done + len(answers)])
            logits[done : done + len(answers)] = answers
            largest, done = max(largest, float(np.abs(answers).max())), done + len(answers)
            stage.advance(len(rows))
        logits.flush()
    seconds = time.perf_counter() - started
    stopwatch.phase("write")
    store.write_array(job.folder / "indices.npy", index)
    store.write_array(job.folder / "positions.npy", place)
    facts = {
        "tokens": len(index),
        "items": len(items.train),
        "largest_logit": largest,
        "items_per_second": round(len(items.train) / seconds, 1),
        "device": job.device,
    }
    write_run(job, stopwatch, facts)


def keys(items: Items) -> tuple[np.ndarray, np.ndarray]:
    """Whose tokens the rows of a table are: dataset indices int64 (P,), places int32 (P,)."""
    whole = items.whole
    index = items.train.indices.repeat_interleave(whole.counts)
    place = whole.learnt.nonzero()[:, 1] + 1
    return index.cpu().numpy(), place.cpu().numpy().astype(np.int32)


def _say_size(name: str, tokens: int, vocabulary: int) -> None:
    size = 2 * tokens * vocabulary
    log.info("%s: %d tokens x %d logits: %.1f MB", name, tokens, vocabulary, size / 1e6)
    if size > LARGEST:
        raise TargetsError(
            f"{name}: the table of all logits would be {size / 1e9:.1f} GB ({tokens} tokens, "
            f"{vocabulary} logits each), more than {LARGEST / 1e9:.1f}: set `targets: online`"
        )


def _check_range(name: str, answers: np.ndarray, index: np.ndarray) -> None:
    finite = np.isfinite(answers).all(axis=1)
    if not finite.all():
        raise TargetsError(
            f"{name}: the teacher's logits for item {index[int(finite.argmin())]} are not finite "
            f"in fp16 (largest {np.finfo(np.float16).max:g}); its training has diverged: lower its "
            "recipe's `optimizer.lr`, or set `targets: online`"
        )


class TokenTable:
    """See `signals.Signal`: the logits of a `targets` artefact, mapped into memory.

    Attributes:
        logits: float16 (P, V), of all tokens that are learnt.
    """

    def __init__(self, folder: Path, items: Items) -> None:
        """Open the table for training items.

        Raises:
            SignalError: it was computed for other items, or for other tokens of them.
            DamagedFile: a file is missing or altered.
        """
        folder = Path(folder)
        self.logits = store.open_array(folder / "logits.npy")
        self._device = items.device
        whole = items.whole
        self._counts = whole.counts.cpu()
        self._starts = self._counts.cumsum(0) - self._counts
        for name, own in zip(("indices.npy", "positions.npy"), keys(items), strict=True):
            if not np.array_equal(store.open_array(folder / name), own):
                raise SignalError(
                    f"{folder} holds the teacher's logits of other tokens than this student "
                    "learns: `positions` and `taught` of both recipes must agree; rebuild it"
                )
        if len(self.logits) != len(own) or self.logits.dtype != np.float16:
            raise SignalError(
                f"{folder}: logits are {self.logits.dtype} {self.logits.shape}, expected float16 "
                f"({len(own)}, vocabulary)"
            )

    def at_epoch(self, columns: Tensor) -> EpochSignal:
        """See `Signal`."""

        def of(rows: Tensor, examples: Shown) -> Tensor:
            wanted = places(self._starts, self._counts, rows.cpu())
            return torch.from_numpy(self.logits[wanted.numpy()]).to(self._device)

        return of
