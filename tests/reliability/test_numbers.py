"""Numbers that misbehave: the job fails and says where, or the report says what is undefined."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from distilscope.training.loop import TrainingError

from . import studies

DIVERGING = studies.small(study="diverging", recipes__student__optimizer__lr=1e6)

SENTENCE = re.compile(
    r"the (loss|held-out NLL) became (nan|inf) in epoch \d of 3; lower the recipe's `optimizer.lr` "
    r"\(now 1e\+06\)"
)

UNTRAINED = studies.small(
    study="untrained",
    teachers__teacher__twins=[2, 3],
    recipes__teacher__epochs=1,
    recipes__teacher__optimizer__lr=1e-30,
    recipes__student__epochs=1,
    recipes__student__optimizer__lr=1e-30,
)
"""Teacher, twins and student say what they say at random: nothing is learned."""


def test_a_loss_that_is_not_finite_names_the_model_and_the_epoch_and_spares_the_rest(tmp_path):
    study = studies.plan(DIVERGING)
    student = study.models[1]
    with studies.inside(tmp_path):
        earlier = [study.dataset, study.models[0].artefact, *study.of_kind("targets")]
        for artefact in earlier:
            studies.make(artefact)
        before = studies.digests(tmp_path)
        with pytest.raises(TrainingError) as failure:
            studies.make(student.artefact)
        assert studies.digests(tmp_path) == before
        assert not student.artefact.folder.exists()
    said = str(failure.value)
    assert said.startswith(f"{student.id}: ")
    assert SENTENCE.search(said), said


@pytest.mark.long(1)
def test_snakemake_ends_with_that_sentence(tmp_path):
    folder = studies.begin(tmp_path, DIVERGING)
    status, said = studies.run(folder)
    assert status != 0
    assert "model failed: tiny-kd-T4-a0.9-s1: " in said
    assert SENTENCE.search(said), said
    models = {path.parent.name for path in (folder / "results/store/models").glob("*/run.json")}
    assert {name.partition(".")[0] for name in models} == {"teacher-s1"}


# ------------------------------------------------------------------------- nothing is learned


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("untrained")
    studies.make_all(studies.plan(UNTRAINED), folder)
    return folder


@pytest.fixture(scope="module")
def measures(untrained):
    return pd.read_parquet(untrained / "results/untrained/measures.parquet")


@pytest.mark.long(1)
def test_the_premise_one_twin_says_one_class_and_no_image_is_right_for_all(untrained):
    (folder,) = (untrained / "results/store/observations").glob("teacher-s2.*")
    logits = np.stack(pd.read_parquet(folder / "test/logits.parquet")["logits"].to_numpy())
    assert len(set(logits.argmax(axis=1))) == 1
    models = pd.read_parquet(untrained / "results/untrained/models.parquet").set_index("id")
    assert (models["accuracy"] < 0.2).all()
    runs = (untrained / "results/store/comparisons").glob("*/run.json")
    assert {json.loads(run.read_text())["facts"]["common"] for run in runs} == {0}


@pytest.mark.long(1)
def test_alignment_on_no_common_image_is_nan_with_its_reason(measures):
    common = measures[(measures["subset"] == "common") & measures["method"].notna()]
    assert len(common)
    assert common["value"].isna().all()
    assert common["reason"].notna().all()


@pytest.mark.long(1)
def test_every_undefined_number_of_the_study_has_a_reason(measures):
    undefined = measures[measures["value"].isna()]
    assert undefined["reason"].notna().all(), undefined[undefined["reason"].isna()]


@pytest.mark.long(1)
def test_the_report_of_a_study_that_learned_nothing_says_so(untrained):
    page = (untrained / "results/untrained/report.html").read_text()
    assert "no image is in the subset" in page
    summary = (untrained / "results/untrained/summary.txt").read_text()
    assert "nan" not in summary.lower()


def test_every_undefined_number_of_a_finished_study_has_a_reason(finished):
    table = pd.read_parquet(finished.folder / "results/small/measures.parquet")
    undefined = table[table["value"].isna()]
    assert undefined["reason"].notna().all(), undefined[undefined["reason"].isna()]
