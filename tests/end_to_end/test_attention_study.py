"""The study of attention from its configuration to its report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from distilscope import store
from distilscope.models import sources

from .making import REPOSITORY, begin, in_this_process

CONFIGURED = yaml.safe_load(Path(__file__).with_name("attention.yaml").read_text())
DATA = {**CONFIGURED["data"], "path": str(REPOSITORY / CONFIGURED["data"]["path"])}
CLAIMS = str(REPOSITORY / CONFIGURED["claims"])

pytestmark = pytest.mark.long(1)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("attention")
    done = in_this_process(begin(folder, "attention.yaml", data=DATA, claims=CLAIMS))
    assert done.ended_well, done.said
    return folder / "results"


@pytest.fixture(scope="module")
def measures(results) -> pd.DataFrame:
    return pd.read_parquet(results / "attention" / "measures.parquet")


def one(measures, model, measure, **place) -> pd.Series:
    rows = measures[(measures["model"] == model) & (measures["measure"] == measure)]
    for column, wanted in {"probe": "test", **place}.items():
        rows = rows[rows[column].isna() if wanted is None else rows[column] == wanted]
    assert len(rows) == 1, rows[["reference", "combined", "method", "resolution"]]
    return rows.iloc[0]


MAP = {"method": "attention", "resolution": "native"}


def attended(results, model: str, place: str = "test") -> list[set[tuple[int, int]]]:
    """The pixels of each image that a model attends to, from its weights and the pictures."""
    folder = next((results / "store" / "models").glob(f"{model}.*"))
    data = store.read_tensors(
        next((results / "store" / "datasets").iterdir()) / "images.safetensors"
    )
    manifest = store.read_json(next((results / "store" / "datasets").iterdir()) / "manifest.json")
    network = sources.load(folder, len(manifest["classes"])).eval()
    order = np.argsort(data[f"{place}.indices"])
    pictures = torch.from_numpy(data[f"{place}.images"][order]) / 255
    shape = (1, 3, 1, 1)
    inputs = (pictures - torch.tensor(manifest["mean"]).view(shape)) / torch.tensor(
        manifest["std"]
    ).view(shape)
    with torch.no_grad():
        last = network.blocks(inputs)
        head = torch.nn.Conv2d(last.shape[1], len(manifest["classes"]), 1)
        head.weight.copy_(network.head.weight[:, :, None, None])
        head.bias.copy_(network.head.bias)
        maps = head(last).sum(dim=1).numpy()
    return [
        {tuple(at) for at in np.argwhere((one - one.min()) / (one.max() - one.min()) > 0.4)}
        for one in maps
    ]


def test_overlap_is_that_of_the_head_as_a_convolution(results, measures):
    first, second = (attended(results, name) for name in ("weak-a-s101", "strong-a-s101"))
    shares = [len(a & b) / len(a | b) for a, b in zip(first, second, strict=True)]
    pairs = pd.read_parquet(results / "attention" / "attention_pairs.parquet")
    both = {"strong-a-s101", "weak-a-s101"}
    kept = [set(pair) == both for pair in zip(pairs["model"], pairs["reference"], strict=True)]
    row = pairs[
        np.array(kept) & (pairs["method"] == "attention") & (pairs["resolution"] == "native")
    ].iloc[0]
    assert row["kind"] == "other views"
    assert row["overlap"] == pytest.approx(np.mean(shares), rel=1e-4)
    areas = {row["model"]: row["area"], row["reference"]: row["reference_area"]}
    assert areas["weak-a-s101"] == pytest.approx(np.mean([len(a) for a in first]) / 64, rel=1e-4)
    batches = [range(0, 128), range(128, len(shares))]
    shared, either = (
        [sum(len(getattr(first[i], how)(second[i])) for i in batch) for batch in batches]
        for how in ("intersection", "union")
    )
    ratio = np.array(shared) / np.array(either)
    expected = np.average(ratio, weights=[len(batch) for batch in batches])
    assert row["overlap_batch"] == pytest.approx(expected, rel=1e-4)


def test_a_committee_is_measured_by_logits_and_by_probabilities(measures):
    rows = measures[measures["model"] == "student-strong-kd-T3-a0.4-strong-a_weak-a-s1"]
    rows = rows[(rows["measure"] == "fidelity") & (rows["probe"] == "test")]
    own = rows[rows["relation"] == "committee"].set_index("combined")
    assert own["headline"].to_dict() == {"logits": True, "probabilities": False}
    members = set(rows.loc[rows["relation"] == "teacher", "reference"])
    assert members == {"strong-a-s101", "weak-a-s101"}


def test_every_set_of_images_is_measured(measures):
    views = ("weak", "strong", "crop")
    sets = {"train", "test"} | {f"{view}-{split}" for view in views for split in ("train", "test")}
    rows = measures[(measures["analysis"] == "attention") & (measures["measure"] == "fidelity")]
    assert set(rows["probe"]) == sets
    affinity = measures[measures["measure"] == "affinity"]
    crop = affinity[affinity["probe"] == "crop-test"]["value"]
    assert (crop.dropna() == 1).all()


def test_students_of_one_teacher_have_no_overlap_of_teachers(measures):
    row = one(measures, "student-weak-kd-T3-a0.4-weak-a-s1", "teachers_overlap", **MAP)
    assert np.isnan(row["value"]) and row["reason"] == "it learned from one teacher"


def test_cells_claims_figures_and_the_section_are_there(results):
    folder = results / "attention"
    cells = pd.read_parquet(folder / "attention_cells.parquet")
    assert len(cells) == 2 + 4 + 6 + 1
    row = cells[cells["teachers"].map(json.loads).map(len) == 2].iloc[0]
    assert row[["accuracy", "fidelity", "overlap_batch", "teachers_overlap_batch"]].notna().all()
    claims = pd.read_parquet(folder / "claims.parquet").set_index("claim")
    assert claims.loc["teachers-overlap-falls", "verdict"] == "undetermined"  # one seed
    assert claims.loc["logit-matching-raises-fidelity", "verdict"] == "undetermined"
    assert claims.loc["hot-soft-term-raises-fidelity", "verdict"] == "not tested"
    page = (folder / "report.html").read_text(encoding="utf-8")
    for name in ("overlap", "cells", "together", "matching", "information"):
        numbers = pd.read_csv(folder / "figures" / f"attention-{name}.csv")
        assert "why_empty" not in numbers and len(numbers)
        assert f'id="figure-attention-{name}"' in page
    assert "shows no mediation" in page
    assert not (folder / "figures" / "attention-strength.csv").exists()
