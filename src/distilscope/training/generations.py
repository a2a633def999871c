"""A teacher's own texts, which a student learns as if they were gold: sequence-level distillation.

Source: Kim and Rush 2016 (arXiv 1606.07947), with a beam of one: the likeliest token at each step.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch

from distilscope import store
from distilscope.data.texts import TOKENS_FILE, Texts, TextSplit, load
from distilscope.models.continuing import continuations
from distilscope.models.language import LanguageModel
from distilscope.models.sources import load as load_model
from distilscope.planning.job import Job
from distilscope.training import runtime
from distilscope.training.rows import shares
from distilscope.workflow import progress
from distilscope.workflow.provenance import Stopwatch, write_run

log = logging.getLogger("distilscope")


def generate(job: Job) -> None:
    """Write what a teacher says to each training prompt: `tokens.safetensors` and `run.json`.

    Settings: `threads`. Inputs: `dataset`, texts; `teacher`, a language model.

    The tensors are those of the training split in the same order: `index` int64 (N,), `tokens`
    int32 (N, L), `start` and `length` int32 (N,). A text may be as long as the
    longest target, whatever is taught.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("load")
    runtime.prepare(job.settings["threads"], job.device)
    texts = load(job.input("dataset"), job.device)
    teacher = load_model(job.input("teacher"), texts.vocabulary).to(job.device)
    stopwatch.phase("compute")
    arrays, unended = generated(teacher, texts)
    stopwatch.phase("write")
    store.write_tensors(job.folder / TOKENS_FILE, arrays)
    notes = []
    if unended:
        notes.append(
            f"{unended} of {len(arrays['index'])} texts of the teacher have no end: they stop "
            "where the longest target does, and are learnt so"
        )
        log.warning("%s: %s", job.slug, notes[0])
    write_run(job, stopwatch, {"unended": unended, "notes": notes})


def generated(teacher: LanguageModel, texts: Texts) -> tuple[dict[str, np.ndarray], int]:
    """The arrays that `generate` writes, and how many of the texts have no end."""
    split = texts.split("train")
    starts, rows = split.start.tolist(), split.tokens.tolist()
    prompts = [row[:start] for row, start in zip(rows, starts, strict=True)]
    progress.stage("texts", len(prompts), texts.unit)
    said = continuations(teacher, texts, prompts, texts.longest_target, filled=shares(teacher))
    whole = [prompt + own for prompt, own in zip(prompts, said, strict=True)]
    length = np.array([len(each) for each in whole], np.int32)
    tokens = np.full((len(whole), length.max()), texts.pad, np.int32)
    for row, each in enumerate(whole):
        tokens[row, : len(each)] = each
    arrays = {
        "index": split.indices.cpu().numpy(),
        "tokens": tokens,
        "start": np.array(starts, np.int32),
        "length": length,
    }
    return arrays, sum(own[-1] != texts.end for own in said)


def in_place_of(split: TextSplit, folder: Path) -> TextSplit:
    """The training split with a teacher's texts, as `generate` wrote them, instead of gold ones.

    Raises:
        ValueError: they are texts of other items.
        store.DamagedFile: a file is missing or is not as it was written.
    """
    arrays = store.read_tensors(Path(folder) / TOKENS_FILE)
    if not np.array_equal(arrays["index"], split.indices.cpu().numpy()):
        raise ValueError(f"{folder} holds texts of other items than the training ones: rebuild it")
    device = split.tokens.device
    found = {
        name: torch.from_numpy(arrays[name].astype(np.int64)).to(device)
        for name in ("tokens", "start", "length")
    }
    return TextSplit(**found, labels=split.labels, indices=split.indices)
