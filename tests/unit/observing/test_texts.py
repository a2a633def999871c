"""The job that observes a language model: what its files hold, against passes of single items."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from distilscope import store
from distilscope.data import texts
from distilscope.models import weights
from distilscope.models.build import ModelError, build
from distilscope.observing import grams
from distilscope.observing.texts import gold_pass, likelihoods, observe
from distilscope.planning.job import Job
from distilscope.training import rows
from distilscope.workflow.provenance import Stopwatch, write_run

from ..watched import stages
from .language import ARCHITECTURE, made

LAYERS = {"first": "network.model.layers.0", "last": "network.model.norm"}
OF_TEXTS = {
    "name": "generated-tasks",
    "tasks": ["add", "sort", "shift"],
    "train": 10,
    "held_out": 2,
    "test": 5,
    "seed": 1,
}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Folders of the texts, of the model and of its observation."""
    root = tmp_path_factory.mktemp("job")
    texts.prepare(Job("texts", "t", "0" * 12, OF_TEXTS, {}, root / "texts"))
    model = made(texts.load(root / "texts").vocabulary)
    weights.save(model, root / "model" / "weights.safetensors")
    settings = {"kind": "trained", "architecture": ARCHITECTURE}
    write_run(Job("model", "m", "0" * 12, settings, {}, root / "model"), Stopwatch(), {})
    observe(observation(root, root / "observation"))
    return root


def observation(root, folder):
    observed = {
        "layers": LAYERS,
        "layer_order": ["first", "last"],
        "gram_batch": 4,
        "reductions": ["gap"],
        "threads": 1,
        "probes": [
            {"name": "test", "split": "test", "contents": ["logits", "answers", "features"]},
            {"name": "held-out", "split": "held-out", "contents": ["logits"]},
        ],
    }
    inputs = {"dataset": str(root / "texts"), "model": str(root / "model")}
    return Job("observation", "o", "0" * 12, observed, inputs, folder)


@pytest.fixture(scope="module")
def loaded(places):
    return texts.load(places / "texts")


def test_logits_are_the_scores_of_the_choices_of_items_that_have_some(places, loaded):
    found = store.read_table(places / "observation/test/logits.parquet")
    scored = store.read_table(places / "observation/test/choices.parquet")
    items = loaded.items[(loaded.items["split"] == "test") & (loaded.items["label"] >= 0)]
    assert found["index"].tolist() == items["index"].tolist()
    assert found["label"].tolist() == items["label"].tolist()
    by_place = scored.pivot(index="index", columns="choice", values="logprob")
    np.testing.assert_allclose(np.stack(found["logits"]), by_place.to_numpy(), rtol=1e-6)
    held_out = store.read_table(places / "observation/held-out/logits.parquet")
    assert len(held_out) == 4


def test_every_item_is_answered_and_the_facts_say_how_well(places, loaded):
    said = store.read_table(places / "observation/test/answers.parquet")
    assert said["index"].tolist() == loaded.split("test").indices.tolist()
    facts = store.read_json(places / "observation/run.json")["facts"]["probes"]["test"]
    assert facts["items"] == 15
    assert facts["exact"] == said["right"].mean()
    assert facts["unparsed"] == said["answer"].isna().sum()
    found = store.read_table(places / "observation/test/logits.parquet")
    right = np.stack(found["logits"]).argmax(axis=1) == found["label"]
    assert facts["accuracy"] == right.mean()
    assert not (places / "observation/held-out/answers.parquet").exists()


def test_what_is_done_shows_while_choices_answers_and_gold_texts_are_asked(
    places, tmp_path, monkeypatch
):
    with stages(monkeypatch) as seen:
        observe(observation(places, tmp_path))
    counted = [(s.label, s.done, s.total, s.unit) for s in seen if s.total]
    assert counted == [
        ("test: choices", 80, 80, "choices"),  # 10 items, 4 choices, with the question and without
        ("test: answers", 15, 15, "items"),
        ("test: gold texts", 15, 15, "items"),
        ("held-out: choices", 32, 32, "choices"),
    ]


def test_logits_of_gold_tokens_are_those_of_single_items(places, loaded):
    kept = store.read_tensors(places / "observation/test/token_logits.safetensors")
    model, split, row = made(loaded.vocabulary), loaded.split("test"), 0
    for item in range(len(split)):
        start, length = int(split.start[item]), int(split.length[item])
        with torch.no_grad():
            logits = model(split.tokens[item : item + 1, :length])[0]
        for place in range(start, length):
            assert kept["index"][row] == split.indices[item]
            assert kept["position"][row] == place
            expected = logits[place - 1].numpy()
            np.testing.assert_allclose(kept["logits"][row], expected, rtol=2e-3, atol=2e-3)
            row += 1
    assert row == len(kept["logits"]) == len(kept["index"])
    assert kept["logits"].dtype == np.float16


def test_a_batch_whose_logits_can_not_be_held_is_not_timed(places, tmp_path, monkeypatch):
    before = store.read_json(places / "observation/run.json")
    assert before["facts"]["latency_ms"].keys() == {"batch 1", "batch 64"}
    monkeypatch.setattr("distilscope.observing.texts.LOGITS", 1000)
    probe = {"name": "held-out", "split": "held-out", "contents": ["logits"]}
    inputs = {"dataset": str(places / "texts"), "model": str(places / "model")}
    job = Job(
        *("observation", "o", "0" * 12), {**before["settings"], "probes": [probe]}, inputs, tmp_path
    )
    observe(job)
    facts = store.read_json(tmp_path / "run.json")["facts"]
    assert facts["latency_ms"].keys() == {"batch 1"}


@pytest.mark.parametrize("tied", [True, False])
def test_of_a_large_vocabulary_states_and_head_are_kept_that_make_the_logits(
    loaded, monkeypatch, tied
):
    settings = {**ARCHITECTURE["settings"], "tied": tied}
    model = build({**ARCHITECTURE, "settings": settings}, loaded.vocabulary).eval()
    split = loaded.split("test")
    whole, features = gold_pass(model, split, LAYERS)
    monkeypatch.setattr(rows, "LARGE", 50)
    kept, others = gold_pass(model, split, LAYERS)
    assert kept.keys() == {"index", "position", "states", "head"}
    assert kept["states"].dtype == kept["head"].dtype == np.float16
    assert kept["states"].shape == (len(whole["logits"]), 16)
    made = kept["states"].astype(np.float64) @ kept["head"].T.astype(np.float64)
    np.testing.assert_allclose(made, whole["logits"], atol=3e-3 * np.abs(made).max())
    for key in ("index", "position"):
        assert np.array_equal(kept[key], whole[key])
    for name, each in features.items():
        np.testing.assert_allclose(others[name], each, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("large", "said"),
    [(False, "it says of item \\d+"), (True, "the weight of its head")],
)
def test_what_fp16_cannot_hold_is_refused_and_no_divergence_is_made_of_it(
    loaded, monkeypatch, large, said
):
    settings = {**ARCHITECTURE["settings"], "tied": False}
    model = build({**ARCHITECTURE, "settings": settings}, loaded.vocabulary).eval()
    if large:
        monkeypatch.setattr(rows, "LARGE", 50)
    with torch.no_grad():
        model.head.weight.fill_(1e6)
    with pytest.raises(ValueError, match=f"{said} (is|are) not finite in fp16"):
        gold_pass(model, loaded.split("test"), {})


def test_features_are_the_states_at_the_last_token_of_each_prompt(places, loaded):
    found = store.read_tensors(places / "observation/test/features.safetensors")
    items = loaded.items[(loaded.items["split"] == "test") & (loaded.items["label"] >= 0)]
    assert found["index"].tolist() == items["index"].tolist()
    model, seen = made(loaded.vocabulary), {}
    for name, path in LAYERS.items():
        model.get_submodule(path).register_forward_hook(
            lambda m, i, output, name=name: seen.update({name: output})
        )
    for row, prompt in enumerate(items["prompt"]):
        with torch.no_grad():
            model(torch.tensor([loaded.encode(prompt)]))
        for name in LAYERS:
            expected = seen[name][0, -1].numpy()
            np.testing.assert_allclose(found[f"{name}.gap"][row], expected, rtol=1e-3, atol=1e-4)
    stored = store.read_tensors(places / "observation/test/grams.safetensors")
    rows = grams.partition(10, 4)[0]
    states = found["last.gap"][rows].astype(np.float64)
    states -= states.mean(axis=0)
    np.testing.assert_allclose(stored["last.gap"][0], states @ states.T, rtol=1e-3, atol=1e-3)
    assert stored["index"][0].tolist() == found["index"][rows].tolist()
    assert len(stored["index"]) == 2  # the rest of ten items is no whole Gram


@pytest.mark.parametrize("path", ["network.model.layer", "network.model.layers.2"])
def test_a_layer_that_there_is_not_is_refused(loaded, path):
    with pytest.raises(ModelError, match="has no module"):
        gold_pass(made(loaded.vocabulary), loaded.split("test"), {"odd": path})


def test_scores_that_are_no_numbers_are_refused_and_absent_choices_are_none(places, loaded):
    items = loaded.items[(loaded.items["split"] == "test") & (loaded.items["label"] >= 0)]
    index = items["index"].to_numpy()
    scored = store.read_table(places / "observation/test/choices.parquet")
    counts = np.full(10, 4)
    assert likelihoods(scored, index, "test", counts, 4).shape == (10, 4)
    with pytest.raises(ValueError, match=f"item {index[1]} has no finite log-likelihood"):
        likelihoods(scored.drop(index=4), index, "test", counts, 4)
    fewer = likelihoods(scored.drop(index=[6, 7]), index, "test", np.array([4, 2] + [4] * 8), 5)
    assert np.isneginf(fewer[:, 4]).all()
    assert np.isfinite(fewer[1]).tolist() == [True, True, False, False, False]
    assert np.isfinite(fewer[[0, *range(2, 10)], :4]).all()
    scored.loc[4, "logprob"] = np.nan
    with pytest.raises(ValueError, match=f"item {index[1]} has no finite log-likelihood"):
        likelihoods(scored, index, "test", counts, 4)
