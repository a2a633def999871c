"""One job: what a language model says of its probes, written as an observation.

The contract of the files is in docs/architecture.md under `observations/`. Everything is fp32 in
evaluation mode, a function of the settings and the inputs; times are in run.json alone.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from distilscope import store
from distilscope.data.texts import Texts, TextSplit, load
from distilscope.models import sources
from distilscope.models.build import check_layers
from distilscope.models.cost import cost, latency
from distilscope.models.language import LanguageModel
from distilscope.observing import answers, choices, grams
from distilscope.observing.numerics import exact
from distilscope.planning.job import Job
from distilscope.workflow import progress, provenance

if TYPE_CHECKING:
    import pandas as pd

LOG = logging.getLogger("distilscope")

BATCH = 256
LATENCY_REPEATS = {1: 10, 64: 3}
SMALL_VOCABULARY = 1024
"""Up to which the logits of every token of a target are kept."""


def observe(job: Job) -> None:
    """Make an observation: a folder a probe, and `run.json`.

    Inputs of the job: `dataset`, texts; `model`. Settings: `layers` (name -> module path) and
    perhaps `layer_order`, `gram_batch`, `reductions`, `threads`, and `probes`: `name`, `split`, and
    `contents` out of `logits`, `answers` and `features`.

    Raises:
        ValueError: a layer that can't be observed, or scores that aren't finite.
        DamagedFile: an input's bytes are not those that were written.
    """
    stopwatch = provenance.Stopwatch()
    stopwatch.phase("load")
    settings = job.settings
    texts = load(job.input("dataset"), job.device)
    model = sources.load(job.input("model"), texts.vocabulary).to(job.device)
    with exact(settings["threads"]):
        example = texts.split("test").tokens[:1]
        found = cost(model, example)
        facts: dict[str, Any] = {
            "parameters": found.parameters,
            "multiply_adds": found.multiply_adds,
        }
        progress.expect(
            {probe["name"]: float(len(probe["contents"])) for probe in settings["probes"]}
        )
        facts["probes"] = {}
        for probe in settings["probes"]:
            stopwatch.phase(probe["name"])
            progress.stage(probe["name"], len(probe["contents"]), "contents")
            facts["probes"][probe["name"]] = _probe(job, texts, model, probe)
    stopwatch.phase("latency")
    with exact(threads=1):
        facts["latency_ms"] = {
            f"batch {batch}": latency(model, example.expand(batch, -1), repeats)
            for batch, repeats in LATENCY_REPEATS.items()
        }
    provenance.write_run(job, stopwatch, facts)


def _probe(
    job: Job, texts: Texts, model: LanguageModel, wanted: Mapping[str, Any]
) -> dict[str, Any]:
    """Observe one probe, write its folder, and return its facts."""
    name, split, contents = wanted["name"], wanted["split"], wanted["contents"]
    folder, about = job.folder / name, {"probe": name}
    items = texts.items[texts.items["split"] == split].reset_index(drop=True)
    choosing = items[items["label"] >= 0].reset_index(drop=True)
    facts: dict[str, Any] = {"items": len(items), "accuracy": None}
    if len(choosing):
        scored = choices.score(model, texts.tokenizer, choosing)
        logits = logits_of(scored, choosing, len(texts.classes), f"{job.slug}: {name}")
        facts["accuracy"] = float((logits.argmax(axis=1) == choosing["label"]).mean())
        table = choosing[["index", "label"]].assign(logits=list(logits))
        store.write_table(folder / "logits.parquet", table, about)
        if "answers" in contents:
            store.write_table(folder / "choices.parquet", scored, about)
    progress.advance(1)
    if "answers" in contents:
        said = answers.answer(model, texts, items)
        facts["exact"] = float(said["right"].mean())
        facts["unparsed"] = int(said["answer"].isna().sum())
        store.write_table(folder / "answers.parquet", said, about)
        if texts.vocabulary <= SMALL_VOCABULARY:
            told = gold_logits(model, texts.split(split))
            store.write_tensors(folder / "token_logits.safetensors", told, about)
        progress.advance(1)
    if "features" in contents and len(choosing):
        _write_features(job, texts, model, choosing, folder, name)
        progress.advance(1)
    LOG.info("%s: %s: %s", job.slug, name, facts)
    return facts


def logits_of(scored: pd.DataFrame, items: pd.DataFrame, classes: int, where: str) -> np.ndarray:
    """The log-likelihoods of the choices of items, float32 (N, classes): logits of their positions.

    Args:
        scored: as `choices.score` gives it. items: in the same order, with as many choices each as
            there are `classes`.
        where: what errors call the probe.

    Raises:
        ValueError: an item has another number of choices, or a score is not finite.
    """
    counts = items["choices"].map(len)
    if (counts != classes).any():
        odd = items[counts != classes].iloc[0]
        raise ValueError(
            f"{where}: item {odd['index']} of task {odd['task']!r} has {len(odd['choices'])} "
            f"choices; each needs {classes}, so that positions are classes"
        )
    logits = scored["logprob"].to_numpy(np.float32).reshape(-1, classes)
    finite = np.isfinite(logits).all(axis=1)
    if not finite.all():
        first = items["index"].to_numpy()[~finite][0]
        raise ValueError(
            f"{where}: {(~finite).sum()} items have scores that are not finite, the first is index "
            f"{first}; the weights are damaged"
        )
    return logits


@torch.no_grad()
def gold_logits(
    model: LanguageModel, split: TextSplit, batch: int = BATCH
) -> dict[str, np.ndarray]:
    """Logits of every token of every gold target, given the gold text before it.

    Returns:
        `logits` float16 (P, V), as exact as a table of a teacher's; `index` int64 (P,), of the
        item; `position` int32 (P,), place of the token in its target, from 0. Items in their order,
        tokens in theirs.
    """
    kept: dict[str, list[np.ndarray]] = {"logits": [], "index": [], "position": []}
    for first in range(0, len(split), batch):
        rows = slice(first, first + batch)
        start, length = split.start[rows, None], split.length[rows, None]
        shown = split.tokens[rows, : int(length.max())]
        places = torch.arange(1, shown.shape[1], device=shown.device)
        counted = (places >= start) & (places < length)
        kept["logits"].append(_array(model(shown)[:, :-1][counted].half()))
        kept["index"].append(_array(split.indices[rows, None].expand_as(counted)[counted]))
        kept["position"].append(_array((places - start)[counted].int()))
    return {name: np.concatenate(parts) for name, parts in kept.items()}


@torch.no_grad()
def last_states(
    model: LanguageModel,
    layers: Mapping[str, str],
    texts: Texts,
    items: pd.DataFrame,
    batch: int = BATCH,
) -> dict[str, np.ndarray]:
    """What layers put out at the last token of each prompt, where the answer begins.

    Args:
        layers: name -> module path; each puts out (B, L, C) and is called once.
        items: with a column `prompt`.

    Returns:
        for each layer float32 (N, C), in the order of the items.

    Raises:
        ValueError: a path names no module, or a layer puts out something else.
    """
    check_layers(model, layers)
    device = next(model.parameters()).device
    encoded = [torch.tensor(texts.encode(prompt)) for prompt in items["prompt"]]
    seen: dict[str, Any] = {}
    kept: dict[str, list[np.ndarray]] = {name: [] for name in layers}
    with contextlib.ExitStack() as hooks:
        for name, path in layers.items():
            hook = partial(_keep, seen, name)
            hooks.callback(model.get_submodule(path).register_forward_hook(hook).remove)
        for first in range(0, len(encoded), batch):
            some = encoded[first : first + batch]
            shown = torch.nn.utils.rnn.pad_sequence(some, batch_first=True, padding_value=texts.pad)
            rows, last = torch.arange(len(some)), torch.tensor([len(each) - 1 for each in some])
            seen.clear()
            model(shown.to(device))
            for name in layers:
                states = _states(seen.get(name), shown.shape, f"layer {name!r} ({layers[name]})")
                kept[name].append(_array(states.cpu()[rows, last].float()))
    return {name: np.concatenate(parts) for name, parts in kept.items()}


def _keep(seen: dict[str, Any], name: str, module: nn.Module, given: Any, output: Any) -> None:
    """A forward hook. Of a layer that is called again, nothing says which output is meant."""
    seen[name] = "is called more than once" if name in seen else output


def _states(output: Any, shape: tuple[int, int], where: str) -> Tensor:
    if not isinstance(output, Tensor) or output.ndim != 3 or output.shape[:2] != shape:
        found = f"puts out {tuple(output.shape)}" if isinstance(output, Tensor) else output
        said = found if isinstance(found, str) else f"puts out a {type(output).__name__}"
        raise ValueError(
            f"{where} {said}; a state for each token of a text, (items, tokens, channels), is "
            "needed: name a module that the model calls once, such as a block"
        )
    return output


def _write_features(
    job: Job, texts: Texts, model: LanguageModel, items: pd.DataFrame, folder: Path, name: str
) -> None:
    """`features.safetensors` and `grams.safetensors`.

    A state is a vector, so that it is the same pooled (`gap`) and whole (`flatten`).
    """
    settings, batch = job.settings, job.settings["gram_batch"]
    order = settings.get("layer_order", list(settings["layers"]))
    found = last_states(model, {n: settings["layers"][n] for n in order}, texts, items)
    index = items["index"].to_numpy(np.int64)
    about = {"probe": name, "layers": order}
    features = {f"{layer}.gap": states for layer, states in found.items()}
    store.write_tensors(folder / "features.safetensors", {"index": index, **features}, about)
    made, positions = {}, np.empty((0, batch), np.int64)
    for layer, states in found.items():
        positions, own = grams.of_features(states, batch)
        made |= {f"{layer}.{reduction}": own for reduction in settings["reductions"]}
    about |= {
        "reductions": list(settings["reductions"]),
        "batch": batch,
        "partition_seed": grams.PARTITION_SEED,
    }
    store.write_tensors(folder / "grams.safetensors", {"index": index[positions], **made}, about)
    if not len(positions):
        LOG.warning(
            "%s: %s: %d items are fewer than `gram_batch` (%d): no Grams, hence no CKA",
            job.slug, name, len(items), batch,
        )  # fmt: skip


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy()
