"""Teachers of different entries, one at a time and as committees: what is trained."""

from __future__ import annotations

from collections import Counter

import pytest

from distilscope.configuration import patterns
from distilscope.configuration.kinds import ConfigurationError
from distilscope.planning import fingerprint

from .made_teachers import CE, KD, RAW, beside, rows, study

# --------------------------------------------------------------------------- one at a time


def test_two_teachers_and_three_seeds_are_six_students_in_two_conditions():
    made = study()
    students = [row for row in rows(made).values() if row["role"] == "student"]
    assert len(students) == 6
    assert Counter(row["condition"] for row in students) == {
        "tiny-kd-T4-a0.9-a": 3,
        "tiny-kd-T4-a0.9-b": 3,
    }
    assert {(row["condition"], row["seed"]): row["teachers"] for row in students} == {
        **{("tiny-kd-T4-a0.9-a", seed): ["a-s1"] for seed in (1, 2, 3)},
        ("tiny-kd-T4-a0.9-b", 1): ["b-s1"],
        ("tiny-kd-T4-a0.9-b", 2): ["b-s2"],
        ("tiny-kd-T4-a0.9-b", 3): ["b-s1"],
    }
    conditions = made.tables.settings["conditions"]
    assert conditions["tiny-kd-T4-a0.9-a"]["teachers"] == '["a"]'
    assert conditions["tiny-kd-T4-a0.9-b"]["teachers"] == '["b"]'


def test_each_is_every_entry_in_turn_and_without_it_the_first_alone():
    alike = study(grid=[{**KD, "teachers": ["a", "b"]}, CE])
    assert {m.id: m.artefact.identity for m in study().models} == {
        m.id: m.artefact.identity for m in alike.models
    }
    first = study(grid=[KD, CE])
    assert {m.condition.teachers for m in first.models if m.role == "student"} == {("a",)}


def test_a_control_and_a_floor_are_made_once_and_compared_with_each_teacher():
    made = study()
    compared = beside(made)
    for name in ("tiny-ce-s", "tiny-untrained-s"):
        assert [m.id for m in made.models if m.id.startswith(name)] == [f"{name}{s}" for s in "123"]
        assert compared[f"{name}1"] == [("a-s1", "teacher"), ("b-s1", "teacher")]
        assert compared[f"{name}2"] == [("a-s1", "teacher"), ("b-s2", "teacher")]
    own = study(grid=[KD, CE])
    assert beside(own)["tiny-ce-s1"] == [("a-s1", "teacher")]
    assert own.by_id["tiny-ce-s1"].artefact.identity == made.by_id["tiny-ce-s1"].artefact.identity


def test_another_teacher_of_an_entry_trains_no_student_anew_and_renames_no_file():
    one, two = study(grid=[KD, CE]), study()
    folders = {m.artefact.folder for m in two.models}
    assert {m.artefact.folder for m in one.models} <= folders


def test_a_teacher_without_students_is_compared_with_nothing_unless_that_is_asked():
    assert beside(study(grid=[KD, CE]))["b-s1"] == []


# ----------------------------------------------------------------- teachers in training mode


@pytest.mark.parametrize("entry", [{"teachers": ["a"]}, {"committee": [["a", "b"]]}])
def test_teachers_in_training_mode_are_an_ablation_with_a_name_of_its_own(entry):
    plain = study(grid=[{**KD, **entry}, CE])
    both = study(grid=[{**KD, **entry}, {**KD, **entry, "teachers_in_training_mode": True}, CE])
    ablated = [m for m in both.models if m.role == "training-mode-taught"]
    assert len(ablated) == 3
    for model in ablated:
        assert "-teachers-in-training-mode-" in model.id
        assert model.artefact.settings["teachers_in_training_mode"] is True
        assert "targets" not in model.artefact.inputs  # a table has what evaluation mode says
        slugs = sorted(a.slug for a in model.artefact.inputs["teachers"])
        assert slugs == list(model.teachers)
        assert {relation for _, relation in beside(both)[model.id]} >= {"teacher"}
    named = labels_of(both)
    assert {named[m.id] for m in ablated} == {"tiny T=4, teachers in training mode"}
    rest = {m.id: m.artefact.identity for m in both.models if m not in ablated}
    assert rest == {m.id: m.artefact.identity for m in plain.models}
    learned = [m for m in plain.models if m.role == "student"]
    assert not [m for m in learned if "teachers_in_training_mode" in m.artefact.settings]


def labels_of(made):
    conditions = made.tables.settings["conditions"]
    return {m.id: conditions[made.names[m.condition]]["label"] for m in made.models}


def test_an_ablation_is_meant_by_no_pattern_that_does_not_name_it():
    entry = {**KD, "teachers": ["a"]}
    made = study(grid=[entry, {**entry, "teachers_in_training_mode": True}, CE])
    found = {c.role for c in made.names if c.matches({"objective": "kd", "T": 4.0})}
    assert found == {"student"}
    (own,) = (c for c in made.names if c.matches({"role": "training-mode-taught"}))
    assert patterns.words({"role": own.role, "objective": "kd"}) == (
        "student of teachers in training mode under kd"
    )


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"taught_by": "twin"}, "leave out `taught_by`"),
        (
            {"objective": "fused", "gamma": 0.5, "tau_teacher": 4, "tau_student": 1},
            "fused is made of the teacher's table of logits",
        ),
        ({"objective": "ce"}, "teachers_in_training_mode"),
    ],
)
def test_an_ablation_that_can_not_be_is_refused(entry, words):
    kept = {k: v for k, v in KD.items() if "objective" not in entry or k in ("students", "alpha")}
    kept = {k: v for k, v in kept.items() if entry.get("objective") != "ce" or k != "alpha"}
    with pytest.raises(ConfigurationError, match=words):
        study(grid=[{**kept, **entry, "teachers_in_training_mode": True}])


LAST = ("tables", "figures", "report")


def test_another_name_of_a_teacher_trains_nothing_anew():
    def identities(**names):
        teachers = {names[key]: entry for key, entry in RAW["teachers"].items()}
        grid = [{**KD, "committee": [list(names.values())]}, CE]
        made = study(teachers=teachers, grid=grid)
        return {a.identity for a in made.artefacts.values() if a.kind not in LAST}

    assert identities(a="a", b="b") == identities(a="z", b="b")


# ------------------------------------------------------------------------------- drawn views


def test_drawn_views_are_made_once_for_all_who_are_shown_them():
    """A finite policy renders as it trains; its models' settings and inputs stay what they were."""
    drawn = {"policy": "strong", "per_image": 2}
    recipes = {**RAW["recipes"], "drawn": {**RAW["recipes"]["short"], "views": drawn}}
    students = {"tiny": {**RAW["students"]["tiny"], "recipe": "drawn"}}
    made = study(recipes=recipes, students=students)
    (views,) = made.of_kind("views")
    assert views.settings["per_image"] == 2 and views.settings["split"] == "train"
    tables = made.of_kind("targets")
    assert [table.inputs["views"] for table in tables] == [views] * 3
    for model in made.models:
        shown = model.artefact.inputs.get("views")
        learns = model.role in ("student", "control")
        assert shown == (views if learns else None)
        assert model.role == "floor" or model.condition.views == (
            "strong" if learns else "crop-flip"
        )
    assert f"views/{views.name}" in made.artefacts
    trial = made.networks.settings["networks"]
    assert "drawn" not in str(trial)


def test_members_stand_in_one_order_whatever_the_source(monkeypatch):
    three = {"committee": [["a.1", "b.1", "b.2"]]}

    def members():
        made = study(grid=[{**KD, **three}, CE])
        student = next(m for m in made.models if m.role == "student")
        return [table.slug for table in student.artefact.inputs_of("targets")], student

    first, student = members()
    original = fingerprint._digest
    monkeypatch.setattr(fingerprint, "source", fingerprint.source.__wrapped__)
    for edit in range(5):
        monkeypatch.setattr(fingerprint, "_digest", lambda name, e=edit: f"{original(name)}{e}")
        again, edited = members()
        assert edited.artefact.identity != student.artefact.identity
        assert again == first
