"""Plans of texts: what students of each objective wait for, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.study import parse
from distilscope.planning.study import Study

from .test_several_teachers import RAW

SMALL = {"architecture": "qwen2", "settings": {"width": 16, "layers": 1, "heads": 2}, "recipe": "r"}
TEXTS = {
    "study": "toy",
    "title": "A toy",
    "data": {"name": "generated-tasks", "train": 40, "held_out": 4, "test": 8},
    "recipes": {
        "r": {
            "epochs": 2,
            "batch": 16,
            "optimizer": {"name": "adamw", "lr": 0.002},
            "schedule": {"name": "cosine"},
        }
    },
    "teachers": {"expert": {**SMALL, "seeds": [1], "twins": [2]}},
    "students": {"small": SMALL},
    "seeds": [1],
    "analyses": {"outputs": {}},
}
KD = {"objective": "kd", "students": ["small"], "T": 1.0, "alpha": 1.0}
SEQ = {"objective": "seq-kd", "students": ["small"]}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def planned(*grid, **changes):
    return Study(parse({**TEXTS, "grid": [*grid], **changes}), "fp32", Path())


def learns_from(study, model):
    (found,) = [each.artefact for each in study.models if each.id == model]
    return {role: [a.name for a in found.inputs_of(role)] for role in found.inputs}


def test_a_student_of_its_teachers_own_texts_waits_for_these_and_for_no_logits():
    study = planned(KD, SEQ, {"objective": "ce", "students": ["small"]})
    assert learns_from(study, "small-ce-s1").keys() == {"dataset"}
    assert learns_from(study, "small-kd-T1-a1-s1").keys() == {"dataset", "targets"}
    of_texts = learns_from(study, "small-seq-kd-s1")
    assert of_texts.keys() == {"dataset", "generations"}
    (generations,) = of_texts["generations"]
    artefact = study.generations[generations]
    assert artefact.files == ("tokens.safetensors",)
    assert [a.slug for a in artefact.inputs_of("teacher")] == ["expert-s1"]
    assert "distilscope.training.generations:generate" in artefact.job()


def test_a_teacher_writes_once_for_all_students_of_its_texts():
    students = {"small": SMALL, "other": SMALL}
    study = planned({**SEQ, "students": [*students]}, seeds=[1, 2], students=students)
    assert len(study.generations) == 1 and not study.targets


def test_a_student_of_the_twins_texts_waits_for_the_twin():
    study = planned({**SEQ, "taught_by": "twin"})
    (generations,) = study.generations.values()
    assert [a.slug for a in generations.inputs_of("teacher")] == ["expert-s2"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"teachers_in_training_mode": True}, "leave out `teachers_in_training_mode`"),
        ({"committee": [["expert", "other"]]}, "leave out `committee`"),
        ({"T": 2.0}, "unknown key 'T'"),
    ],
)
def test_what_own_texts_have_no_use_for_is_refused(change, said):
    with pytest.raises(ConfigurationError, match=said):
        planned({**SEQ, **change})


def test_images_have_no_texts_that_a_teacher_could_write():
    first = next(iter(RAW["students"]))
    with pytest.raises(
        ConfigurationError,
        match="seq-kd learns from what a teacher writes, and the data are images",
    ):
        parse({**RAW, "grid": [{"objective": "seq-kd", "students": [first]}]})


GKD = {"objective": "gkd", "students": ["small"], "beta": 0.5, "T": 1.0, "on_policy": 0.5}


def test_a_student_that_writes_itself_asks_its_teacher_at_each_step_whatever_targets_says():
    study = planned(KD, GKD)
    assert study.models[0].id == "expert-s1"
    found = learns_from(study, "small-gkd-b0.5-T1-l0.5-s1")
    assert found.keys() == {"dataset", "teachers"}
    assert found["teachers"] == [study.models[0].artefact.name]
    assert learns_from(study, "small-kd-T1-a1-s1").keys() == {"dataset", "targets"}
    (model,) = [each for each in study.models if each.condition.objective == "gkd"]
    assert model.artefact.settings["objective"]["on_policy"] == 0.5


def test_images_have_no_texts_that_a_student_could_write():
    first = next(iter(RAW["students"]))
    with pytest.raises(
        ConfigurationError,
        match="gkd learns from what the student writes, and the data are images",
    ):
        parse({**RAW, "grid": [{**GKD, "students": [first]}]})


def test_teachers_of_texts_have_no_training_mode_that_would_differ():
    with pytest.raises(ConfigurationError, match="`teachers_in_training_mode` is for images"):
        planned({**KD, "teachers_in_training_mode": True})


@pytest.mark.parametrize(("accumulate", "said"), [(9, "two examples or more"), (0, "accumulate")])
def test_a_batch_is_cut_into_parts_of_two_items_or_more(accumulate, said):
    recipes = {"r": {**TEXTS["recipes"]["r"], "accumulate": accumulate}}
    with pytest.raises(ConfigurationError, match=said):
        planned(KD, recipes=recipes)


def test_only_a_recipe_that_accumulates_says_so_in_its_settings():
    def recipe(**more):
        study = planned(KD, recipes={"r": {**TEXTS["recipes"]["r"], **more}})
        return study.models[0].artefact.settings["recipe"]

    assert recipe(accumulate=1) == recipe() and "accumulate" not in recipe()
    assert recipe(accumulate=4) == {**recipe(), "accumulate": 4}
