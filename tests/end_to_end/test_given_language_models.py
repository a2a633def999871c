"""A study of a model that people have, cut for a student, on tasks of files: the configuration of
the night, with a tiny random model of the same architecture in the place of the real one.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from distilscope import store
from tests import hub_folders

from .making import REPOSITORY

pytestmark = pytest.mark.long(1)

NIGHT = REPOSITORY / "config/overnight/reasoning-smollm2.yaml"
STEPS = 20
SMOLLM2 = {"hidden_size": 18, "num_hidden_layers": 30, "num_attention_heads": 9}
"""Its depth and heads (three of keys and values), with two numbers a head."""
TASKS = ("arc-easy", "piqa", "arc-challenge", "openbookqa")


def small(folder: Path) -> dict:
    """The night's configuration on tiny files in the places that it names, 20 steps a student."""
    raw = yaml.safe_load(NIGHT.read_text())
    hub_folders.write_model(folder / "data/smollm2/model", **SMOLLM2, num_key_value_heads=3)
    made = hub_folders.write_tasks(folder / "made")
    for name in TASKS:
        for part in ("train", "held-out", "test"):
            place = folder / f"data/smollm2/tasks/{name}.{part}.jsonl"
            place.parent.mkdir(exist_ok=True)
            place.write_text((made / f"facts.{part}.jsonl").read_text())
    raw["recipes"]["tuned"] |= {"epochs": 2, "batch": 8}
    raw["recipes"]["student"] |= {"epochs": STEPS, "batch": 100}
    return raw | {"seeds": [1], "precision": "fp32", "device": "cpu", "observe": {"gram_batch": 4}}


@pytest.fixture(scope="module")
def results(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("night")
    (folder / "study.yaml").write_text(yaml.safe_dump(small(folder)))
    done = made(folder)
    assert done.ended_well, done.said
    return folder / "results"


def settings_of(results, slug):
    (folder,) = (results / "store/models").glob(f"{slug}.*")
    return json.loads((folder / "run.json").read_text())["settings"]


def test_every_arm_is_there_beside_the_teachers_and_the_untrained_cut(results):
    models = set(pd.read_parquet(results / "reasoning-smollm2/models.parquet")["id"])
    assert models >= {"tuned-s101", "tuned-s102", "zero-shot", "cut-ce-s1"}
    assert models >= {f"cut-kd-T1-a1-{teacher}-s1" for teacher in ("tuned", "zero-shot")}
    history = pd.concat(
        store.read_table(folder / "history.parquet")
        for folder in (results / "store/models").glob("cut-ce-s1.*")
    )
    assert len(history) == STEPS  # an epoch a step


def test_the_student_is_the_first_12_and_the_last_8_layers(results):
    built = settings_of(results, "cut-ce-s1")["architecture"]["settings"]
    assert built["kept"] == [*range(12), *range(22, 30)]
    assert settings_of(results, "tuned-s101")["architecture"]["settings"]["kept"] is None


def test_items_with_two_choices_and_with_three_stand_in_one_table(results):
    (folder,) = (results / "store/observations").glob("zero-shot.*")
    logits = np.stack(store.read_table(folder / "test/logits.parquet")["logits"].to_numpy())
    counts = np.isfinite(logits).sum(axis=1)
    assert logits.shape[1] == 3 and set(counts) == {2, 3}
    rows = pd.read_parquet(results / "reasoning-smollm2/measures.parquet")
    rows = rows[rows["model"] == "cut-ce-s1"]
    chance = rows[rows["measure"] == "agreement_chance"]
    assert chance["value"].isna().all() and chance["reason"].str.contains("different numbers").all()
    within = rows[(rows["measure"] == "choice_agreement_expected") & rows["task"].isna()]
    assert within["value"].notna().all() and len(within)
    kl = rows[(rows["measure"] == "kl_teacher_student") & (rows["subset"] == "all")]
    assert np.isfinite(kl["value"]).all() and len(kl)
