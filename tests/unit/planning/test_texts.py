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
