"""How much memory jobs ask a cluster for, against peaks that were measured."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch

from distilscope.configuration.study import parse
from distilscope.models import resnet
from distilscope.models.declared import parameters_of_plain
from distilscope.planning import memory
from distilscope.planning.study import Study

from . import made_study
from .test_texts import GKD, KD, SEQ, TEXTS

SMOLLM2 = {
    "model_type": "llama",
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
}
LORA = {"rank": 8, "alpha": 16}
PEAKS = {
    "model expert-s1": 6570,
    "model small-ce-s1": 5110,
    "model small-kd-T1-a1-s1": 5450,
    "model small-gkd-b0.5-T1-l0.5-s1": 6110,
    "model adapted-kd-T1-a1-s1": 4230,
    "observation expert-s1": 2000,
}
"""MB, of SmolLM2-135M and its cut of 20 layers: resources/smollm2/README.md."""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def asked(study):
    return {
        f"{artefact.kind} {artefact.slug}": memory.megabytes(artefact)
        for artefact in study.artefacts.values()
    }


def of_folder(**settings):
    return {"architecture": "transformers", "settings": {"folder": "model", **settings}}


@pytest.fixture
def large():
    """The plan of a model of 135 million parameters, of which there is a description alone."""
    Path("model").mkdir()
    Path("model/config.json").write_text(json.dumps(SMOLLM2))
    raw = copy.deepcopy(TEXTS)
    raw["recipes"]["adapted"] = {**raw["recipes"]["r"], "lora": LORA}
    raw["teachers"]["expert"] = {**of_folder(), "recipe": "r", "seeds": [1]}
    raw["students"] = {
        "small": {**of_folder(first=12, last=8), "recipe": "r"},
        "adapted": {**of_folder(first=12, last=8), "recipe": "adapted"},
    }
    both = {**KD, "students": ["small", "adapted"]}
    raw["grid"] = [both, {"objective": "ce", "students": ["small"]}, GKD, SEQ]
    return asked(Study(parse(raw), "fp32", Path()))


@pytest.mark.parametrize("job", PEAKS)
def test_jobs_of_a_large_model_ask_for_what_they_took_and_no_more_than_twice_that(large, job):
    assert PEAKS[job] < large[job] < max(2 * PEAKS[job], 5000)


def test_what_reads_a_large_model_asks_for_its_weights_and_what_reads_none_for_the_usual(large):
    (generations,) = (value for name, value in large.items() if name.startswith("generations"))
    assert large["targets expert-s1"] == generations == large["observation expert-s1"]
    assert 3000 + 8 * 134 < generations < 3000 + 8 * 160
    assert large["networks check"] == large["model expert-s1"]  # one is tried at a time
    assert large["model small-gkd-b0.5-T1-l0.5-s1"] - large["model small-ce-s1"] == pytest.approx(
        generations - 3000, abs=1
    )
    assert large["tables toy"] == large["texts generated-tasks"] == 3000


def test_jobs_of_small_networks_ask_for_the_usual():
    texts = Study(parse({**TEXTS, "grid": [KD, GKD, SEQ]}), "fp32", Path())
    assert set(asked(texts).values()) == set(asked(made_study.study()).values()) == {3000}


def test_a_description_without_sizes_asks_for_the_usual():
    Path("model").mkdir()
    Path("model/config.json").write_text(json.dumps({"model_type": "bloom", "n_embed": 64}))
    students = {"small": {**of_folder(), "recipe": "r"}}
    study = Study(parse({**TEXTS, "grid": [KD], "students": students}), "fp32", Path())
    assert asked(study)["model small-kd-T1-a1-s1"] == 3000


def of_images(settings=None, weights=None):
    own = {"weights": weights, "preprocessing": {"mean": [0.5] * 3, "std": [0.5] * 3}}
    student = {"architecture": "resnet18", "settings": settings or {}}
    students = {"tiny": {**student, **(own if weights else {"recipe": "short"})}}
    grid = [] if weights else [{"objective": "ce", "students": ["tiny"]}]
    return made_study.study(students=students, grid=grid, floors=[])


def test_networks_of_images_that_settings_make_wide_ask_for_their_parameters():
    """Held against the network itself, whose shapes are worked out without memory."""
    wide = of_images({"width": 512})
    with torch.device("meta"):
        network = resnet.build(10, 3, depth=18, width=512)
    counted = sum(parameter.numel() for parameter in network.parameters())
    found = asked(wide)
    trained = 3000 + 32 * (counted - memory.COVERED) // 10**6
    assert found["model tiny-ce-s1"] == pytest.approx(trained, rel=0.01)
    read = 3000 + 8 * (counted - memory.COVERED) // 10**6
    assert found["observation tiny-ce-s1"] == pytest.approx(read, rel=0.01)
    assert found["networks check"] == found["model tiny-ce-s1"]
    assert found["model big-s10"] == 3000
    assert parameters_of_plain({"widths": [32, 64, 128, 256, 256]}) == pytest.approx(981_802, 0.01)


def test_given_networks_ask_by_the_size_of_their_file():
    with open("large.safetensors", "wb") as file:
        file.truncate(4 * 10**9)  # a hole: it takes no room
    Path("small.safetensors").write_bytes(b"weights")
    found = asked(of_images(weights="large.safetensors"))
    expected = 3000 + 8 * (10**9 - memory.COVERED) // 10**6
    assert found["model tiny"] == found["observation tiny"] == expected
    assert found["networks check"] == expected
    assert set(asked(of_images(weights="small.safetensors")).values()) == {3000}
