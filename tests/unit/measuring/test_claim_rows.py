"""The claims table of a made-up study, from its measures to the verdicts."""

import json
from dataclasses import replace

import numpy as np
import pytest

from distilscope.configuration import claims
from distilscope.measuring.claim_rows import COLUMNS, PUBLISHED_COLUMNS
from distilscope.measuring.tables import measure

from .made_models import MODELS
from .made_study import MadeStudy

KD4 = {"objective": "kd", "T": 4, "alpha": 0.9}
NUMBER = {"measure": "rho", "of": "it", "value": 0.7, "trust": "summary", "source": "page 1"}
COMMON = {"source": "made up", "family": "one", "direction": "lower", "delta": 0.05}


def _claim(name, **statement):
    return {"id": name, "sentence": f"{name}.", **COMMON, "statement": statement}


FILE = claims.parse(
    {
        "study": "made up",
        "source": "nowhere",
        "dataset": "cifar10",
        "headlines": [
            {"id": "ours", "condition": {"network": "copy", **KD4}, **NUMBER},
            {"id": "theirs", **NUMBER},
        ],
        "claims": [
            {
                **_claim(
                    "below-twin",
                    form="against-twin",
                    measure="rho",
                    subset="common",
                    students=["copy"],
                    arm=KD4,
                ),
                "published": 0.1,
                "trust": "verified",
                "note": "made up",
            },
            _claim(
                "by-class",
                form="class-correlation",
                students="all",
                arm=KD4,
                first={"measure": "accuracy"},
                second={"measure": "rho", "subset": "common"},
            ),
            _claim("absent", form="against-twin", measure="ece", arm={"objective": "ce"}),
            _claim(
                "no-T2",
                form="best-of",
                measure="ece",
                students=["copy"],
                best={**KD4, "T": 2},
                others=[KD4],
            ),
        ],
    }
)
SETTINGS = {
    "file": FILE.model_dump(mode="json"),
    "scope": "here (made-up, laptop scale)",
    "published_data": False,
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    made = MadeStudy(folder, (*MODELS[:3], MODELS[4]), images=200, subset=20).write().compare_all()
    measure(made.tables_job(claims=json.loads(json.dumps(SETTINGS))))
    return made


def test_a_row_a_claim_with_every_column(study):
    table = study.table("claims")
    assert list(table.columns) == list(COLUMNS)
    assert list(table["claim"]) == ["below-twin", "by-class", "absent", "no-T2"]
    assert set(table["scope"]) == {"here (made-up, laptop scale)"}
    first = table.iloc[0]
    assert (first["published"], first["trust"], first["note"]) == (0.1, "verified", "made up")
    assert json.loads(first["statement"])["form"] == "against-twin"


def test_ours_is_the_difference_of_the_headline_rows(study):
    measures = study.table("measures")
    place = {
        "measure": "rho",
        "subset": "common",
        "method": "gradcam",
        "resolution": "input",
        "explained": "reference",
    }
    for column, value in place.items():
        measures = measures[measures[column] == value]
    rows = measures[measures["class"].isna()].set_index(["model", "layer"])["value"]
    row = study.table("claims").set_index("claim").loc["below-twin"]
    assert row["ours"] == pytest.approx(rows["teacher-s2", "layer4"] - rows["copy-s1", "block3"])
    assert (row["verdict"], row["n_seeds"]) == ("undetermined", 1)
    assert row["why"] == "One seed: no interval over seeds."
    assert np.isnan([row["low"], row["high"]]).all()


def test_what_the_study_lacks_is_not_tested(study):
    table = study.table("claims").set_index("claim")
    assert table.loc["no-T2", "verdict"] == "not tested"
    assert "T=2" in table.loc["no-T2", "why"]
    assert table.loc["by-class", "why"].startswith("4 classes")


def test_claims_on_all_students_of_an_arm_find_the_control(study):
    row = study.table("claims").set_index("claim").loc["absent"]
    measures = study.table("measures")
    ece = measures[(measures["measure"] == "ece")].set_index("model")["value"]
    assert row["ours"] == pytest.approx(ece["teacher-s2"] - ece["place-s1"])


def test_headline_rows_are_of_one_layer_pair_of_the_test_probe(study):
    measures = study.table("measures")
    rows = measures[measures["headline"]]
    assert set(rows["probe"].dropna()) == {"test"}  # none for what a model costs
    assert set(rows["layer"].dropna()) == {"block3", "layer4"}
    assert not rows.duplicated(["model", "reference", "measure", "subset", "class"]).any()


def test_published_numbers_keep_the_pattern_that_they_were_found_for(study):
    table = study.table("published").set_index("id")
    assert tuple(study.table("published").columns) == PUBLISHED_COLUMNS
    assert json.loads(table.loc["ours", "condition"]) == {"network": "copy", **KD4}
    assert not isinstance(table.loc["theirs", "condition"], str)


def test_a_study_without_claims_has_no_table_of_them(study, tmp_path):
    job = study.tables_job()
    measure(replace(job, folder=tmp_path))
    assert not (tmp_path / "claims.parquet").exists()
    assert not (tmp_path / "published.parquet").exists()
