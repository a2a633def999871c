"""One planting: what is trained, shown and judged is what was planted."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from distilscope import store

from .making import begin, snakemake

KD = {"objective": "kd", "students": ["tiny"], "T": 4, "alpha": 0.9}
CE = {"objective": "ce", "students": ["tiny"]}
PATCH = {"size": 6, "value": [255, 0, 0]}
CHANGES = {
    "study": "planted",
    "grid": [],
    "floors": [],
    "data": {
        "name": "fashion-mnist-subset",
        "fit": "pad",
        "held_out": {"fraction": 0.25, "seed": 0},
        "limit": {"train": 40, "test": 20},
    },
    "teachers": {
        "small": {
            "architecture": "plain-tiny",
            "settings": {"widths": [8, 16, 32]},
            "recipe": "teacher",
            "seeds": [1],
            "twins": [2, 3, 4],
        }
    },
    "planted": {
        "teacher": "small",
        "plantings": [{"label": 3, "place": [1, 1], "seed": 5}],
        "patch": PATCH,
        "probability": 1.0,
        "elsewhere": 0.0,
        "arms": {"student": [CE], "both": [KD]},
    },
    "shortcuts": {"minimum": 2, "permutations": 100, "causal": {"top": 0.2}},
    "observe": {"methods": ["gradcam"], "gram_batch": 40},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory, made):
    folder = begin(tmp_path_factory.mktemp("planted"), **CHANGES)
    done = made(folder)
    assert done.ended_well, done.said
    return folder


def stored(study, kind):
    runs = sorted((study / "results/store" / kind).glob("*/run.json"))
    return {json.loads(run.read_text())["slug"]: run.parent for run in runs}


def test_both_arms_are_judged_by_both_detectors_in_every_class(study):
    table = pd.read_parquet(study / "results/planted/shortcuts.parquet")
    counted = table.groupby(["arm", "role", "detector"])["class"].nunique()
    assert counted.to_dict() == {
        (arm, role, detector): 10
        for arm, role in (("student", "control"), ("both", "student"))
        for detector in ("alignment", "causal")
    }
    assert set(table["planted_class"]) == {3}
    rates = pd.read_parquet(study / "results/planted/shortcut_rates.parquet")
    assert set(rates.loc[rates["rate"] == "hit", "n"]) <= {0, 1}


def test_reliance_is_worked_out_again_from_the_logits(study):
    table = pd.read_parquet(study / "results/planted/shortcuts.parquet")
    (folder,) = [
        p for slug, p in stored(study, "probe-observations").items() if slug == "tiny-ce-s5"
    ]
    accuracy = {}
    for state in ("on", "off"):
        seen = pd.read_parquet(folder / f"class3-seed5-patch-{state}/logits.parquet")
        said = np.stack(seen["logits"].to_numpy()).argmax(axis=1)
        accuracy[state] = (said == 3)[seen["label"] == 3].mean()
    row = table[table["arm"] == "student"].iloc[0]
    assert (row["accuracy_on"], row["accuracy_off"]) == (accuracy["on"], accuracy["off"])


def test_the_models_were_trained_on_planted_images_and_shown_them(study):
    (planted,) = stored(study, "planted").values()
    arrays = store.read_tensors(planted / "images.safetensors")
    own = arrays["train.labels"] == 3
    corner = arrays["train.images"][:, :, 1:7, 1:7]
    red = (corner == np.array([255, 0, 0])[:, None, None]).all(axis=(1, 2, 3))
    assert red.tolist() == own.tolist()
    trained = [
        json.loads((folder / "run.json").read_text())["inputs"]["dataset"]
        for slug, folder in stored(study, "models").items()
        if slug.endswith("-s5")
    ]
    assert len(trained) == 3
    assert all(inputs.endswith(planted.name) for inputs in trained)


def test_the_page_says_how_often_the_detectors_were_right(study):
    page = (study / "results/planted/report.html").read_text()
    assert "Against what was planted" in page
    assert "planted for teacher and student" in page


def test_a_second_run_plans_nothing(study):
    again = snakemake(study, "-n")
    assert "Nothing to be done" in again.stdout + again.stderr
