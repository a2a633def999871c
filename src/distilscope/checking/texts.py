"""The job that every training of a language model waits for: each is tried in a small way."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from distilscope.checking import tokenizers
from distilscope.checking.faults import said, too_few
from distilscope.data.texts import SPLITS, Texts, TextSplit, load
from distilscope.models.build import ModelError, build
from distilscope.observing.numerics import exact
from distilscope.observing.texts import gold_pass
from distilscope.planning.job import Job
from distilscope.training import runtime
from distilscope.training.loop import rehearse
from distilscope.training.rows import is_large, packs
from distilscope.training.texts import AtTargets, Shown, shown
from distilscope.training.train_texts import adapted, model_of, task_of
from distilscope.workflow.provenance import Stopwatch, write_run

ITEMS = 8
"""Items of a training step, and of a pass."""

ALONE = 1e-3
"""The largest difference of a logit alone and within a batch, as a part of the largest logit."""

log = logging.getLogger("distilscope")


def check(job: Job) -> None:
    """Try every language model of the study.

    Input: `dataset`. Settings and information as of `checking.networks.check`. Facts: `checked` in
    words, `notes` that are warnings.

    Raises:
        ModelError: what would fail after a training or be silently wrong, a line for each network.
    """
    stopwatch = Stopwatch()
    stopwatch.phase("load")
    networks = job.settings["networks"]
    threads = max(network["observation"]["threads"] for network in networks)
    runtime.prepare(threads, job.device)
    texts = load(job.input("dataset"), job.device)
    stopwatch.phase("check")
    checked: dict[str, list[str]] = {}
    faults: list[tuple[str, Exception]] = []
    for network, entry in zip(networks, job.information["entries"], strict=True):
        name = ", ".join(entry["names"])
        model = replace(job, slug=name, settings=network["model"], information=entry["files"])
        try:
            checked[name] = attempt(model, texts, network["observation"])
        except Exception as error:
            log.debug("%s", name, exc_info=True)
            faults.append((f"{name}: {error}", error))
        else:
            log.info("%s: checked: %s", name, "; ".join(checked[name]))
    if faults:
        raise ModelError("\n".join(text for text, _ in faults)) from faults[0][1]
    notes = [*_notes(texts, networks), *_ends(texts, job.information["entries"])]
    for note in notes:
        log.warning("%s", note)
    write_run(job, stopwatch, {"checked": checked, "notes": notes})


def attempt(job: Job, texts: Texts, observation: Mapping[str, Any]) -> list[str]:
    """Try one network; what was tried, in words.

    Args:
        job: with the settings and information of a job that makes a model of this network.
        texts: on the study's device.
        observation: the settings of an observation.

    Raises:
        ModelError: what would fail later, or be silently wrong.
        WeightsError: the weights don't fit.
    """
    done = tokenizers.check(job.information, texts)
    model = model_of(job, texts)[0]
    _check_context(model, texts)
    merge = adapted(model, job)
    model.to(job.device)
    if job.settings.get("recipe"):
        task = task_of(job, texts)
        if task.own and not hasattr(model, "sampled"):
            raise ModelError(
                "it can't write texts of its own to learn from (`own_texts`): give it `sampled`, "
                "as models.language.LanguageModel has it"
            )
        with said("a training step failed"):
            rehearse(AtTargets(model), task, ITEMS)
        merge()
        done.append(f"a training step of {ITEMS} items in {task.precision}")
        _check_seeds(job, texts)
    with exact(observation["threads"]):
        model.eval()
        _check_logits(model, texts)
        done.append("logits of every token, the same twice, alone and with what fills up")
        few = _first(texts.split("test"), ITEMS)
        with said("an observation failed"):
            gold_pass(model, few, observation["layers"])
        done.append(f"layers {', '.join(observation['layers'])}")
    return done


def _first(split: TextSplit, most: int) -> TextSplit:
    """The first items, in rows that are as long as the longest of them."""
    names = ("start", "length", "labels", "indices")
    found = {name: getattr(split, name)[:most] for name in names}
    return TextSplit(tokens=split.tokens[:most, : int(found["length"].max())], **found)


@torch.no_grad()
def _check_context(model: nn.Module, texts: Texts) -> None:
    """Refuse items that are too long for a model: none is cut.

    A network that doesn't say what its context is, as one of the user's, tries so long a text.
    """
    context, most = getattr(model, "context", None), texts.longest_target
    if context is None:
        splits = [texts.split(name) for name in SPLITS]
        longest = max(int((split.start + most).max()) for split in splits if len(split))
        longest = max(longest, *(int(split.length.max()) for split in splits if len(split)))
        text = torch.full((1, longest), texts.end, device=splits[0].tokens.device)
        with said(f"a pass over {longest} tokens, as the longest item may have, failed"):
            model.eval()(text)
        return
    for what, needed in {
        "": _whole,
        ", with one of their choices": _with_a_choice,
        f", with an answer of {most} tokens, as the longest of the training items has them": (
            lambda texts, name: texts.split(name).start.cpu().numpy() + most
        ),
    }.items():
        for name in SPLITS:
            tokens = needed(texts, name)
            over = np.flatnonzero(tokens > context)
            if len(over):
                raise ModelError(
                    f"its `context` is {context} tokens and {len(over)} items of {name} are "
                    f"longer{what} (the first is index {int(texts.split(name).indices[over[0]])}, "
                    f"the longest has {tokens.max()} tokens): none is cut, so give a larger "
                    "`context`, or leave out what is longer (`data.longest`, of tasks from files)"
                )


def _whole(texts: Texts, name: str) -> np.ndarray:
    """(N,) tokens of the items of a split, with what is learnt, in any version."""
    return np.max([version[name].length.cpu() for version in texts.versions.values()], axis=0)


def _with_a_choice(texts: Texts, name: str) -> np.ndarray:
    """(N,) the same of each prompt with its longest choice; 0 where there are none."""
    items = texts.items[texts.items["split"] == name]
    pairs = list(enumerate(zip(items["prompt"], items["choices"], strict=True)))
    owners = [row for row, (_, choices) in pairs for _ in choices]
    written = [f"{prompt} {choice}" for _, (prompt, choices) in pairs for choice in choices]
    found = np.zeros(len(items), int)
    np.maximum.at(found, owners, [len(each.ids) for each in texts.tokenizer.encode_batch(written)])
    return found


def _check_seeds(job: Job, texts: Texts) -> None:
    """Seeds are what intervals are over: each must give other weights to begin with."""
    if job.settings["init"]["from"] != "random":
        return
    first, second = (
        build(job.settings["architecture"], texts.vocabulary, seed=seed).parameters()
        for seed in (0, 1)
    )
    if all(map(torch.equal, first, second)):
        raise ModelError(
            "its initial weights are the same for every seed: does it call `torch.manual_seed`?"
        )


@torch.no_grad()
def _check_logits(model: nn.Module, texts: Texts) -> None:
    """Refuse what gives no logits of each token, or logits that depend on what stands behind."""
    few = shown(_first(texts.split("test"), ITEMS), "answer")
    with said("a pass in evaluation mode failed"):
        first, again = model(few.tokens), model(few.tokens)
    expected = (*few.tokens.shape, texts.vocabulary)
    if not isinstance(first, torch.Tensor) or tuple(first.shape) != expected:
        shape = tuple(first.shape) if isinstance(first, torch.Tensor) else type(first).__name__
        raise ModelError(
            f"it returns {shape}; logits (items, tokens, vocabulary) {expected} are needed"
        )
    if not torch.isfinite(first).all():
        raise ModelError("its logits are not finite: its weights are wrong")
    if not torch.equal(first, again):
        raise ModelError(
            "it gives other logits each time it sees the same items in evaluation mode: does it "
            "drop out there, or keep a state between passes?"
        )
    if is_large(model):
        _check_head(model, few.tokens, first)
    length = int(few.length[0])
    alone = model(few.tokens[:1, : length - 1])
    difference = (alone[0] - first[0, : length - 1]).abs().max()
    if not difference <= ALONE * first.abs().max():
        raise ModelError(
            "its logits of a token depend on what stands behind it, or on the other items (by up "
            f"to {float(difference):.2g}): it must be causal"
        )
    if packs(model):
        _check_packed(model, few, first)


def _check_packed(model: nn.Module, few: Shown, logits: torch.Tensor) -> None:
    """Refuse a network that `packs`, and has other logits where items share a row."""
    apart = logits[:, :-1][few.learnt]
    difference = (AtTargets(model).at_once(few) - apart).abs().max()
    if not difference <= ALONE * logits.abs().max():
        raise ModelError(
            f"its logits of items that share a row are others (by up to {float(difference):.2g}): "
            "with `packs` it heeds `positions` and `mask`, or it leaves `packs` out"
        )


def _check_head(model: nn.Module, tokens: torch.Tensor, logits: torch.Tensor) -> None:
    """Refuse a large network whose logits are not what its head makes of its hidden states."""
    difference = (model.head(model.hidden(tokens)) - logits).abs().max()
    if not difference <= ALONE * logits.abs().max():
        raise ModelError(
            "its head makes other logits of its final hidden states than it gives (by up to "
            f"{float(difference):.2g}): it does more with them (soft caps, scales), and of "
            f"{model.vocabulary} tokens logits are made of hidden states, a piece at a time"
        )


def _ends(texts: Texts, entries: list[Mapping[str, Any]]) -> list[str]:
    """Models that end their texts otherwise, by name."""
    found = ((entry, tokenizers.ends_otherwise(entry["files"], texts)) for entry in entries)
    return [f"{', '.join(entry['names'])}: {note}" for entry, note in found if note]


def _notes(texts: Texts, networks: list[Mapping[str, Any]]) -> list[str]:
    """Requests that the items meet in part; of Grams only where features are asked for."""
    test = texts.items[texts.items["split"] == "test"]
    items = int((test["choices"].map(len) > 0).sum())
    asked = [network["observation"] for network in networks]
    batch = max(observation["gram_batch"] for observation in asked)
    wanted = any("features" in probe["contents"] for each in asked for probe in each["probes"])
    if wanted and items < batch:
        return [too_few(batch, items, "test item with choices", "test items with choices")]
    return []
