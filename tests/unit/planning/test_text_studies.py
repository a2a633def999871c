"""The plan of a study of texts."""

import copy
from pathlib import Path

import pytest
import yaml

from distilscope.commands.differences import WORDS
from distilscope.commands.plan import explain
from distilscope.configuration.study import parse
from distilscope.planning.artefact import FOLDERS
from distilscope.planning.study import Study

REPOSITORY = Path(__file__).resolve().parents[3]
RAW = yaml.safe_load((REPOSITORY / "tests/end_to_end/reasoning.yaml").read_text())


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Plans keep a cache of digests under results/: not in the repository."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resources").symlink_to(REPOSITORY / "resources")


def planned(raw):
    return Study(parse(raw), "fp32", REPOSITORY)


def of(study, name):
    return study.by_id[name].artefact


def identities(study):
    return {name: artefact.identity for name, artefact in study.artefacts.items()}


def test_every_job_that_knows_examples_is_one_of_texts():
    study = planned(RAW)
    made = {
        artefact.kind: artefact.information.get("made_by") for artefact in study.artefacts.values()
    }
    own = {kind: path for kind, path in made.items() if path}
    assert own == dict(study.modality.jobs)
    assert study.dataset.folder.parent.name == "texts"


def test_the_order_of_tasks_plans_nothing():
    other = copy.deepcopy(RAW)
    other["data"]["tasks"] = RAW["data"]["tasks"][::-1]
    assert planned(other).dataset.identity == planned(RAW).dataset.identity


def test_what_a_teacher_is_taught_is_its_own_and_its_students_learn_gold_texts():
    study = planned(RAW)
    assert of(study, "misled-s103").settings["recipe"]["taught"] == "wrong-facts"
    student = of(study, "small-kd-T1-a1-misled-s1")
    assert student.settings["recipe"]["taught"] == "gold"
    (table,) = student.inputs["targets"]
    assert (table.settings["taught"], table.settings["positions"]) == ("gold", "answer")
    assert table.inputs["teacher"] is of(study, "misled-s103")


def test_another_seed_or_objective_tabulates_nothing_again():
    less = copy.deepcopy(RAW)
    less["grid"] = [entry for entry in RAW["grid"] if entry["objective"] == "kd"]
    tables = [{table.name for table in planned(raw).of_kind("targets")} for raw in (less, RAW)]
    assert tables[0] == tables[1]


def test_every_kind_of_artefact_has_words_in_a_plan():
    assert set(FOLDERS) <= set(WORDS)
    (first, _) = explain(planned(RAW), REPOSITORY)
    assert "1 set of texts" in first and "1 set of a teacher's texts" in first


def test_the_students_of_one_seed_begin_alike_and_see_the_same_batches():
    study = planned(RAW)
    first, second = (
        of(study, name).settings for name in ("small-ce-s1", "small-kd-T1-a1-expert-s1")
    )
    for key in ("architecture", "init", "seed", "recipe", "precision", "threads"):
        assert first[key] == second[key]


def test_a_report_of_images_says_nothing_of_texts_and_the_other_way_round():
    images = yaml.safe_load((REPOSITORY / "tests/end_to_end/tiny.yaml").read_text())
    keys = {
        modality: set(planned(raw).report.settings["configuration"]["recipes"]["student"])
        for modality, raw in (("images", images), ("texts", RAW))
    }
    assert keys["images"] - keys["texts"] == {"views"}
    assert keys["texts"] - keys["images"] == {"positions", "taught", "tasks", "top_k", "lora"}
