"""How much memory jobs ask a cluster for, against peaks that were measured."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from distilscope.configuration.study import parse
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
