"""What conditions and models are called."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from distilscope.configuration.study import parse
from distilscope.planning.study import Study

from .made_teachers import CE, KD, RAW

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Plans keep a cache of digests under results/: not in the repository."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resources").symlink_to(REPOSITORY / "resources")


def shipped(name):
    return Study(parse(yaml.safe_load((REPOSITORY / name).read_text())), "fp32", REPOSITORY)


def labels(made):
    return {key: row["label"] for key, row in made.tables.settings["conditions"].items()}


def of(grid, **changes):
    raw = {**copy.deepcopy(RAW), "grid": grid, **changes}
    return labels(Study(parse(raw), "fp32", REPOSITORY))


ONE_TEACHER = {"teachers": {"a": RAW["teachers"]["a"]}}


def test_the_default_study_keeps_its_models_and_their_labels():
    made = shipped("config/config.yaml")
    assert {model.id: made.names[model.condition] for model in made.models} == {
        "resnet18-s101": "resnet18",
        "resnet18-s102": "resnet18-twin",
        **{f"medium-kd-T{T}-a0.9-s1": f"medium-kd-T{T}-a0.9" for T in (2, 4, 8)},
        "small-kd-T4-a0.9-s1": "small-kd-T4-a0.9",
        "tiny-kd-T4-a0.9-s1": "tiny-kd-T4-a0.9",
        "medium-ce-s1": "medium-ce",
        "small-ce-s1": "small-ce",
        "tiny-ce-s1": "tiny-ce",
        "medium-untrained-s1": "medium-untrained",
    }
    assert labels(made) == {
        "resnet18": "Teacher",
        "resnet18-twin": "Twin",
        "medium-kd-T2-a0.9": "medium T=2",
        "medium-kd-T4-a0.9": "medium T=4",
        "medium-kd-T8-a0.9": "medium T=8",
        "small-kd-T4-a0.9": "small T=4",
        "tiny-kd-T4-a0.9": "tiny T=4",
        "medium-ce": "medium, labels only",
        "small-ce": "small, labels only",
        "tiny-ce": "tiny, labels only",
        "medium-untrained": "medium, untrained",
    }


def test_where_models_look_keeps_its_models_and_tells_alpha_where_it_varies():
    made = shipped("config/laptop/where-models-look.yaml")
    assert len(made.models) == 42
    ids = {model.id for model in made.models}
    assert {"teacher-s101", "teacher-s102", "R26-kd-T4-a0.5-s3", "R10-ce-s2"} <= ids
    assert "R10-untrained-s3" in ids and "R26-ce-s1" not in ids
    found = labels(made)
    assert found["R26-kd-T4-a0.5"] == "R26 T=4 α=0.5"
    assert found["R10-kd-T1-a0.9"] == "R10 T=1 α=0.9"
    assert found["R10-ce"] == "R10, labels only"


def test_teachers_are_named_where_students_have_several():
    assert of([{**KD, "teachers": "each"}, CE]) == {
        "a": "Teacher a",
        "b": "Teacher b",
        "tiny-kd-T4-a0.9-a": "tiny T=4 from a",
        "tiny-kd-T4-a0.9-b": "tiny T=4 from b",
        "tiny-ce": "tiny, labels only",
        "tiny-untrained": "tiny, untrained",
    }


def test_a_committee_is_named_by_its_members():
    found = of([{**KD, "committee": [["a", "b"]], "combine": "logits"}, CE])
    assert found["committee-logits-a-b"] == "Committee a + b"
    assert found["tiny-kd-T4-a0.9-logits-a_b"] == "tiny T=4"


def test_ways_to_combine_have_labels_of_their_own():
    entry = {**KD, "committee": [["a", "b"]]}
    found = of([entry, {**entry, "combine": "logits"}, CE])
    assert len(set(found.values())) == len(found)


def test_a_student_of_the_twin_says_so():
    teacher = {"a": {**RAW["teachers"]["a"], "twins": [2]}}
    found = of([KD, {**KD, "taught_by": "twin"}], teachers=teacher)
    assert found["tiny-kd-T4-a0.9-by-twin"] == "tiny T=4, by twin"
    assert found["tiny-kd-T4-a0.9"] == "tiny T=4"


def test_no_two_conditions_have_one_label():
    """Values that a label rounds alike are told by the condition's own name."""
    found = of([{**KD, "alpha": [0.9, 0.90000001]}], **ONE_TEACHER)
    assert len(set(found.values())) == len(found)


def test_derived_columns_are_those_that_the_objective_declares():
    made = shipped("config/config.yaml")
    rows = made.tables.settings["conditions"]
    assert rows["tiny-kd-T4-a0.9"]["derived"] == {"T": 4.0, "alpha": 0.9}
    assert all(rows[key]["derived"] == {} for key in rows if "kd" not in key)
