"""The trial of language models: what it notices before anything is trained."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from distilscope.checking import texts as checking
from distilscope.data import texts
from distilscope.data.tasks import symbols
from distilscope.data.tasks.generating import generate
from distilscope.models.build import ModelError
from distilscope.models.language import LanguageModel
from distilscope.planning.job import Job
from distilscope.training import rows

TASKS = ["sum", "sort"]
ARCHITECTURE = {
    "builder": "distilscope.models.language:qwen2",
    "settings": {"width": 16, "layers": 1, "heads": 2, "mlp": 2.0, "context": 64, "tied": True},
}
SETTINGS = {
    "kind": "trained",
    "architecture": ARCHITECTURE,
    "init": {"from": "random"},
    "seed": 0,
    "precision": "fp32",
    "threads": 1,
    "recipe": {
        "epochs": 1,
        "batch": 4,
        "optimizer": {"name": "adamw", "lr": 1e-3, "betas": [0.9, 0.999], "eps": 1e-8,
                      "weight_decay": 0.0},
        "schedule": {"name": "constant", "warmup_epochs": 0},
        "views": {"policy": "none", "tabulated": None},
        "positions": "answer",
        "taught": "gold",
    },
    "objective": {"name": "ce", "loss": "distilscope.training.objectives.ce:loss",
                  "parameters": {}},
}  # fmt: skip
OBSERVATION = {"threads": 1, "layers": {"last": "network.model.norm"}, "gram_batch": 8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("texts")
    items = generate(TASKS, {"train": 8, "held-out": 4, "test": 6}, 0, 4)
    texts.write(made, items, symbols.tokenizer(), TASKS)
    return made


@pytest.fixture(scope="module")
def loaded(folder):
    return texts.load(folder)


def attempt(folder, loaded, observation=OBSERVATION, **settings):
    made = copy.deepcopy(SETTINGS) | settings
    job = Job("networks", "small", "0" * 12, made, {"dataset": str(folder)}, folder)
    return checking.attempt(job, loaded, observation)


def test_a_language_model_is_found_fit(folder, loaded):
    done = attempt(folder, loaded)
    assert any("training step" in one for one in done)
    assert done[-1] == "layers last"


def test_a_network_that_takes_shared_rows_and_heeds_no_mask_is_refused(folder, loaded, monkeypatch):
    alone = LanguageModel.forward
    monkeypatch.setattr(
        LanguageModel, "forward", lambda self, tokens, positions, mask: alone(self, tokens)
    )
    monkeypatch.setattr(LanguageModel.forward, "__defaults__", (None, None))
    with pytest.raises(ModelError, match=r"items that share a row are others .*heeds `positions`"):
        attempt(folder, loaded)


def test_items_that_are_longer_than_the_context_are_counted_and_named(folder, loaded):
    lengths = np.concatenate([loaded.split(name).length for name in ("train", "held-out", "test")])
    context = int(lengths.max()) - 1
    short = {**ARCHITECTURE, "settings": {**ARCHITECTURE["settings"], "context": context}}
    with pytest.raises(ModelError) as found:
        attempt(folder, loaded, architecture=short)
    split = next(
        split
        for split in map(loaded.split, ("train", "held-out", "test"))
        if (split.length > context).any()
    )
    assert f"`context` is {context} tokens" in str(found.value)
    assert f"index {int(split.indices[split.length > context][0])}" in str(found.value)
    assert "none is cut" in str(found.value)


def of_context(tokens):
    return {**ARCHITECTURE, "settings": {**ARCHITECTURE["settings"], "context": tokens}}


def test_a_choice_that_makes_an_item_longer_than_the_context_is_named(folder, loaded):
    """What is generated has short choices: one of a held-out item gets many symbols."""
    items = loaded.items.copy()
    row = items.index[(items["split"] == "held-out") & (items["choices"].map(len) > 0)][1]
    choices = list(items.at[row, "choices"])
    items.at[row, "choices"] = [*choices[:-1], " ".join(["a"] * 64)]
    needs = len(loaded.encode(items.at[row, "prompt"])) + 64
    longer = dataclasses.replace(loaded, items=items)
    assert attempt(folder, longer, architecture=of_context(needs))
    said = r"1 items of held-out are longer, with one of their choices \(the first is index "
    with pytest.raises(ModelError, match=rf"{said}{items.at[row, 'index']}, .* {needs} tokens"):
        attempt(folder, longer, architecture=of_context(needs - 1))


def test_room_for_the_longest_answer_behind_each_prompt_is_asked_for(folder, loaded):
    """The longest test item gets a prompt of all its tokens but one."""
    test = loaded.split("test")
    start, row = test.start.clone(), int(test.length.argmax())
    start[row] = test.length[row] - 1
    gold = {**loaded.versions["gold"], "test": dataclasses.replace(test, start=start)}
    long_prompt = dataclasses.replace(loaded, versions={"gold": gold})
    needs = int(start[row]) + long_prompt.longest_target
    assert needs > max(int(split.length.max()) for split in gold.values())
    assert attempt(folder, long_prompt, architecture=of_context(needs))
    said = f"1 items of test are longer, with an answer of {long_prompt.longest_target} tokens"
    with pytest.raises(ModelError, match=rf"{said}.*index {int(test.indices[row])}"):
        attempt(folder, long_prompt, architecture=of_context(needs - 1))


class Placed(nn.Module):
    """A network of somebody's that knows so many places, and says nothing of it."""

    def __init__(self, vocabulary, places):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 8)
        self.place, self.head = nn.Embedding(places, 8), nn.Linear(8, vocabulary)

    def forward(self, tokens):
        return self.head(self.embedding(tokens) + self.place.weight[: tokens.shape[1]])


def placed(classes, channels, places):
    return Placed(classes, places)


def test_a_network_that_says_nothing_of_its_context_tries_the_longest_text(folder, loaded):
    """The longest item, or the longest prompt with an answer as long as the longest."""
    splits = [loaded.split(name) for name in ("train", "held-out", "test")]
    answered = max(int(split.start.max()) for split in splits) + loaded.longest_target
    longest = max(answered, *(int(split.length.max()) for split in splits))
    observation = {**OBSERVATION, "layers": {"last": "embedding"}}
    builder = f"{__name__}:placed"
    enough, less = ({"builder": builder, "settings": {"places": n}} for n in (longest, longest - 1))
    assert attempt(folder, loaded, observation, architecture=enough)
    with pytest.raises(ModelError, match=f"a pass over {longest} tokens, as the longest item may"):
        attempt(folder, loaded, observation, architecture=less)


def test_a_network_that_can_not_sample_is_refused_to_learn_on_policy(folder, loaded):
    objective = {**SETTINGS["objective"], "own_texts": 0.5}
    architecture = {"builder": f"{__name__}:causal", "settings": {}}
    observation = {**OBSERVATION, "layers": {"last": "embedding"}}
    with pytest.raises(ModelError, match="give it `sampled`"):
        attempt(folder, loaded, observation, architecture=architecture, objective=objective)


def test_a_layer_that_there_is_not_is_refused_before_the_training(folder, loaded):
    with pytest.raises(ModelError, match=r"has no module 'network.model.norn'"):
        attempt(folder, loaded, {**OBSERVATION, "layers": {"last": "network.model.norn"}})


class Model(nn.Module):
    """A bag of all tokens, those behind included, or of those before."""

    def __init__(self, vocabulary, causal, drops=0.0):
        super().__init__()
        self.embedding, self.causal, self.drops = nn.Embedding(vocabulary, 8), causal, drops
        self.head = nn.Linear(8, vocabulary)

    def forward(self, tokens):
        seen = self.embedding(tokens)
        mixed = seen.cumsum(dim=1) if self.causal else seen.sum(dim=1, keepdim=True).expand_as(seen)
        return self.head(nn.functional.dropout(mixed, self.drops, training=True))


def non_causal(classes, channels):
    return Model(classes, causal=False)


def dropping(classes, channels):
    return Model(classes, causal=True, drops=0.5)


def causal(classes, channels):
    return Model(classes, causal=True)


def same_for_every_seed(classes, channels):
    torch.manual_seed(0)
    return Model(classes, causal=True)


@pytest.mark.parametrize(
    ("builder", "said"),
    [
        (non_causal, "depend on what stands behind"),
        (dropping, "other logits each time"),
        (same_for_every_seed, "the same for every seed"),
    ],
)
def test_what_no_job_would_notice_is_refused(folder, loaded, builder, said):
    architecture = {"builder": f"{__name__}:{builder.__name__}", "settings": {}}
    observation = {**OBSERVATION, "layers": {"last": "embedding"}}
    assert attempt(
        folder, loaded, observation, architecture={**architecture, "builder": f"{__name__}:causal"}
    )
    with pytest.raises(ModelError, match=said):
        attempt(folder, loaded, observation, architecture=architecture)


def test_a_large_network_that_does_more_with_its_logits_than_its_head_is_refused(
    folder, loaded, monkeypatch
):
    monkeypatch.setattr(rows, "LARGE", 50)
    assert attempt(folder, loaded)
    forward = LanguageModel.forward
    monkeypatch.setattr(LanguageModel, "forward", lambda self, tokens: 2 * forward(self, tokens))
    with pytest.raises(ModelError, match="its head makes other logits of its final hidden states"):
        attempt(folder, loaded)


@pytest.mark.parametrize(("contents", "said"), [(["logits"], 0), (["logits", "features"], 1)])
def test_a_gram_that_nobody_asked_for_is_not_missed(loaded, contents, said):
    asked = {"gram_batch": 1000, "probes": [{"name": "test", "contents": contents}]}
    notes = checking._notes(loaded, [{"observation": asked}])
    assert [note.startswith("`observe.gram_batch` is 1000 and there are") for note in notes] == [
        True
    ] * said
