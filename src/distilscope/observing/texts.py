"""One job: what a language model says of its items, written as an observation.

The contract of the files is in docs/architecture.md under `observations/`. Choices stand for
classes: the logits of an item with choices are the log-likelihoods of their texts, so that what is
measured of a classifier is measured of them. Everything is fp32 in evaluation mode.
"""

from __future__ import annotations

import contextlib
import logging
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from distilscope import catalog, store
from distilscope.data.texts import Texts, load
from distilscope.models import sources
from distilscope.models.build import check_layers
from distilscope.models.cost import cost, latencies
from distilscope.observing import answers, choices, grams
from distilscope.observing.numerics import exact
from distilscope.planning.job import Job
from distilscope.training.rows import is_large
from distilscope.training.texts import LOGITS, shown
from distilscope.workflow import progress, provenance

LOG = logging.getLogger("distilscope")


BATCH = 128
"""Items of like length that go through a model together."""


def observe(job: Job) -> None:
    """Make an observation of a language model: a folder a probe, and `run.json`.

    Inputs of the job: `dataset`, `model`, and what the `observers` of analyses read (see
    `observing.observe`). Settings: `layers` and `layer_order`, `probes` {name, split, contents},
    `gram_batch`, `threads`. Contents are `logits`, `answers` (with choices and tokens) and
    `features`.

    Raises:
        ValueError: layers that can't be observed; a log-likelihood that isn't finite.
        DamagedFile: an input's bytes are not those that were written.
    """
    stopwatch = provenance.Stopwatch()
    stopwatch.phase("load")
    settings = job.settings
    of_analyses = [pkgutil.resolve_name(name)(job) for name in settings.get("observers", ())]
    with exact(settings["threads"]):
        texts = load(job.input("dataset"), job.device)
        model = sources.load(job.input("model"), texts.vocabulary).to(job.device)
        observer = Observer(job, texts, model)
        example = texts.split("test").tokens[:1]
        found = cost(model, example)
        facts: dict[str, Any] = {
            "parameters": found.parameters,
            "multiply_adds": found.multiply_adds,
            "probes": {},
        }
        for probe in settings["probes"]:
            stopwatch.phase(probe["name"])
            facts["probes"][probe["name"]] = observer.probe(probe)
        for of_analysis in of_analyses:
            facts |= of_analysis(observer)
    stopwatch.phase("latency")
    with exact(threads=1):
        asked = settings.get("latency", catalog.LATENCY_BATCHES)
        # a batch whose logits are too many to be held is left out
        held = (n for n in asked if n == 1 or n * example.shape[1] * texts.vocabulary <= LOGITS)
        facts["latency_ms"] = latencies(model, lambda n: example.expand(n, -1), held)
    if observer.notes:
        facts["notes"] = [f"{job.slug}: {note}" for note in observer.notes]
        for note in facts["notes"]:
            LOG.warning("%s", note)
    provenance.write_run(job, stopwatch, facts)


@dataclass
class Observer:
    """A language model with the texts that it is observed on."""

    job: Job
    texts: Texts
    model: nn.Module
    notes: list[str] = field(default_factory=list)

    def probe(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Observe one probe, write its folder, and return its facts."""
        folder, name, contents = (
            self.job.folder / wanted["name"],
            wanted["name"],
            wanted["contents"],
        )
        items = self.texts.items[self.texts.items["split"] == wanted["split"]]
        chosen = items[items["choices"].map(len) > 0]
        # each choice twice: with the question and without
        progress.stage(f"{name}: choices", 2 * int(chosen["choices"].map(len).sum()), "choices")
        scored = choices.score(self.model, self.texts.tokenizer, chosen, end=self.texts.end)
        counts = chosen["choices"].map(len).to_numpy()
        most = len(self.texts.classes)
        logits = likelihoods(scored, chosen["index"].to_numpy(), name, counts, most)
        label = chosen["label"].to_numpy(np.int64)
        table = pd.DataFrame({"index": chosen["index"].to_numpy(), "label": label})
        table["logits"] = list(logits.astype(np.float32))
        store.write_table(folder / "logits.parquet", table, {"probe": name})
        right = float((logits.argmax(axis=1) == label).mean())
        facts: dict[str, Any] = {"items": len(items), "accuracy": right}
        said = f"choices {right:.4f}"
        if "answers" in contents:
            exact_share = self._write_answers(folder, name, items, scored)
            facts |= exact_share
            said += f", answers {exact_share['exact']:.4f} ({exact_share['unparsed']} unparsed)"
        if "answers" in contents or "features" in contents:
            self._pass(folder, wanted, set(chosen["index"]))
        LOG.info("%s: %s: %d %s: %s", self.job.slug, name, len(items), self.texts.unit, said)
        return facts

    def _write_answers(
        self, folder: Path, name: str, items: pd.DataFrame, scored: pd.DataFrame
    ) -> dict[str, Any]:
        progress.stage(f"{name}: answers", len(items), self.texts.unit)
        told = answers.answer(self.model, self.texts, items)
        store.write_table(folder / "answers.parquet", told, {"probe": name})
        store.write_table(folder / "choices.parquet", scored, {"probe": name})
        unparsed = int(told["answer"].isna().sum())
        if unparsed == len(told):
            self.notes.append(f"{name}: no answer could be read in any of {len(told)} texts")
        return {"exact": float(told["right"].mean()), "unparsed": unparsed}

    def _pass(self, folder: Path, wanted: Mapping[str, Any], with_choices: set[int]) -> None:
        """One pass over the gold texts: logits of their target tokens, and features."""
        split = self.texts.split(wanted["split"])
        paths = self.job.settings["layers"] if "features" in wanted["contents"] else {}
        index = split.indices.cpu().numpy()
        progress.stage(f"{wanted['name']}: gold texts", len(split), self.texts.unit)
        tokens, features = gold_pass(self.model, split, paths)
        about = {"probe": wanted["name"]}
        if "answers" in wanted["contents"]:
            store.write_tensors(folder / "token_logits.safetensors", tokens, about)
        if not paths:
            return
        rows = np.isin(index, list(with_choices))
        order = self.job.settings.get("layer_order", list(paths))
        kept = {name: features[name][rows] for name in order}
        batch = self.job.settings["gram_batch"]
        made = {name: grams.of_features(values, batch) for name, values in kept.items()}
        positions = next(positions for positions, _ in made.values())
        about |= {"layers": list(order)}
        store.write_tensors(
            folder / "features.safetensors",
            {"index": index[rows], **{f"{name}.gap": values for name, values in kept.items()}},
            about,
        )
        store.write_tensors(
            folder / "grams.safetensors",
            {
                "index": index[rows][positions],
                **{f"{name}.gap": found for name, (_, found) in made.items()},
            },
            {
                **about,
                "reductions": ["gap"],
                "batch": batch,
                "partition_seed": grams.PARTITION_SEED,
            },
        )


def likelihoods(
    scored: pd.DataFrame, index: np.ndarray, where: str, counts: np.ndarray, most: int
) -> np.ndarray:
    """Log-likelihoods (N, most) float64 of the choices of items with these indices (N,).

    Of an item with fewer choices the rest is -inf: there is no such choice.

    Args:
        scored: a row a choice, as `choices.score` makes it.
        counts: (N,) how many choices each item has.

    Raises:
        ValueError: a choice has no finite log-likelihood.
    """
    table = scored.pivot(index="index", columns="choice", values="logprob").loc[index]
    found = table.reindex(columns=range(most)).to_numpy(np.float64)
    there = np.arange(most) < counts[:, None]
    faulty = (there & ~np.isfinite(found)).any(axis=1)
    if faulty.any():
        raise ValueError(
            f"probe {where!r}: item {index[faulty][0]} has no finite log-likelihood for each of "
            f"its {counts[faulty][0]} choices; the weights are damaged"
        )
    return np.where(there, found, -np.inf)


@torch.no_grad()
def gold_pass(
    model: nn.Module, split: Any, layers: Mapping[str, str]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A model on gold texts.

    Args:
        model: tokens (B, L) to logits (B, L, V), in evaluation mode.
        split: a `data.texts.TextSplit` of N items.
        layers: name -> module path, of modules that put out (B, L, C).

    Returns:
        of the target tokens `index` int64 (P,), `position` int32 (P,), their places in the text,
        and by items and places `logits` float16 (P, V), or of a large vocabulary `states` float16
        (P, H) and `head` float16 (V, H), perhaps with `bias` (V,), that makes them; and layer ->
        features float32 (N, C), the hidden state at the last token of the prompt.
    """
    every = shown(split, "answer")
    order = every.length.argsort(stable=True)
    large = is_large(model)
    told: dict[int, np.ndarray] = {}
    features: dict[str, dict[int, np.ndarray]] = {name: {} for name in layers}
    for rows in order.split(BATCH):
        some = every.at(rows)
        with _states(model, layers) as states:
            said = (model.hidden if large else model)(some.tokens[:, :-1])
        at = torch.arange(len(rows), device=rows.device)
        parts = said[some.learnt].half().cpu().numpy()
        whose = split.indices[rows].repeat_interleave(some.counts)
        _check_finite(parts, "what it says of item {} is", whose.cpu().numpy())
        ends = np.cumsum(some.counts.cpu().numpy())
        for place, row in enumerate(rows.tolist()):
            told[row] = parts[ends[place] - int(some.counts[place]) : ends[place]]
        for name, state in states.items():
            taken = state[at, some.first - 1].float().cpu().numpy()
            features[name] |= dict(zip(rows.tolist(), taken, strict=True))
        progress.advance(len(rows))
    count = range(len(every))
    tokens = {
        "index": split.indices.repeat_interleave(every.counts).cpu().numpy(),
        "position": (every.learnt.nonzero()[:, 1] + 1).cpu().numpy().astype(np.int32),
        "states" if large else "logits": np.concatenate([told[row] for row in count]),
    }
    if large:
        head = {"weight": "head", "bias": "bias"}
        for name, each in model.head.state_dict().items():
            tokens[head[name]] = each.half().cpu().numpy()
            _check_finite(tokens[head[name]], "the {} of its head is", [name])
    return tokens, {name: np.stack([own[row] for row in count]) for name, own in features.items()}


def _check_finite(kept: np.ndarray, what: str, names: Sequence[Any] | np.ndarray) -> None:
    """Divergences of numbers that fp16 can't hold would be infinite or undefined."""
    finite = np.isfinite(kept.reshape(len(names), -1)).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"the model's texts can't be kept: {what.format(names[int(finite.argmin())])} not "
            f"finite in fp16 (largest {np.finfo(np.float16).max:g}); its training has diverged, or "
            "its weights are damaged"
        )


@contextlib.contextmanager
def _states(model: nn.Module, layers: Mapping[str, str]) -> Iterator[dict[str, Tensor]]:
    """What the layers put out while the block runs."""
    check_layers(model, layers)
    states: dict[str, Tensor] = {}

    def hook(name: str) -> Any:
        def on_output(module: nn.Module, inputs: tuple, output: Any) -> None:
            states[name] = output[0] if isinstance(output, tuple) else output

        return on_output

    hooks = [
        model.get_submodule(path).register_forward_hook(hook(name)) for name, path in layers.items()
    ]
    try:
        yield states
    finally:
        for each in hooks:
            each.remove()
