"""Committees in a plan: what is made for them, compared with them, and refused."""

from __future__ import annotations

import pytest

from distilscope.configuration.kinds import ConfigurationError

from .made_teachers import CE, KD, RAW, beside, study


def committee(combine="losses", **changes):
    entry = {**KD, "committee": [["a", "b"], ["a.1", "b.2"]], "combine": combine}
    return study(grid=[entry, CE], **changes)


WAYS = {"losses": "probabilities", "logits": "logits", "probabilities": "probabilities"}
"""How students learn from a committee -> how it answers where they are compared with it."""


@pytest.mark.parametrize("combine", WAYS)
def test_a_student_of_a_committee_is_compared_with_it_and_with_each_member(combine):
    made = committee(combine)
    students = [m for m in made.models if m.role == "student"]
    assert len(students) == 6
    for model in students:
        first, second = model.teachers
        assert first == "a-s1"
        named = (
            second == "b-s2" if "b.2" in model.condition.teachers else second in ("b-s1", "b-s2")
        )
        assert named
        *others, (together, relation) = beside(made)[model.id]
        assert (made.by_id[together].role, relation) == ("committee", "committee")
        assert made.by_id[together].teachers == model.teachers
        assert made.by_id[together].condition.combine == WAYS[combine]
        assert others == [(first, "teacher"), (second, "teacher")]
        assert model.condition.combine == combine


def test_a_student_of_a_committee_has_a_table_of_each_member():
    made = committee()
    for model in (m for m in made.models if m.role == "student"):
        tables = model.artefact.inputs["targets"]
        assert sorted(table.slug for table in tables) == list(model.teachers)
        assert model.artefact.settings["objective"]["combine"] == "losses"
    assert sorted(table.slug for table in made.of_kind("targets")) == ["a-s1", "b-s1", "b-s2"]


def test_online_members_take_the_place_of_their_tables():
    recipes = {"short": {"epochs": 2, "optimizer": {"lr": 0.1}, "targets": "online"}}
    made = committee(recipes=recipes)
    for model in (m for m in made.models if m.role == "student"):
        assert sorted(a.slug for a in model.artefact.inputs["teachers"]) == list(model.teachers)
    assert not made.of_kind("targets")


def test_a_committee_is_made_once_whatever_learns_from_it():
    entry = {**KD, "committee": [["a", "b"]], "T": [2, 4]}
    made = study(grid=[entry, {**entry, "combine": "probabilities"}, CE])
    committees = [m for m in made.models if m.role == "committee"]
    assert {m.teachers for m in committees} == {("a-s1", "b-s1"), ("a-s1", "b-s2")}
    assert len(committees) == 2  # of seeds 1 and 3, and of seed 2
    combined = [a for a in made.artefacts.values() if a.kind == "combined"]
    assert len(combined) == 2
    for artefact in combined:
        assert {member.slug for member in artefact.inputs["members"]} < {"a-s1", "b-s1", "b-s2"}
        assert artefact.outputs == ["run.json"]


def test_committees_that_serve_the_seeds_in_turn_are_one_condition():
    """So that what their students are beside them is pooled over seeds, in `seeds.parquet`."""
    made = study(grid=[{**KD, "committee": [["a", "b"]]}])
    found = [m for m in made.models if m.role == "committee"]
    assert {m.condition.teachers for m in found} == {("a", "b")}
    assert {(m.id, m.seed) for m in found} == {
        ("committee-probabilities-a-b.1", 1),
        ("committee-probabilities-a-b.2", 2),
    }


def test_a_committee_of_two_seeds_of_an_entry_is_named_by_them():
    made = study(grid=[{**KD, "committee": [["b.1", "b.2"]]}])
    (found,) = [m for m in made.models if m.role == "committee"]
    assert (found.condition.teachers, found.seed) == (("b.1", "b.2"), 0)


def test_the_order_of_its_members_makes_no_other_committee():
    """A mean has no order."""
    entries = [{**KD, "committee": [members]} for members in (["a", "b.1"], ["b.1", "a"])]
    made = study(grid=[*entries, CE])
    assert len([m for m in made.models if m.role == "committee"]) == 1
    assert len([m for m in made.models if m.role == "student"]) == 3


def test_committees_of_other_members_are_other_conditions():
    conditions = {m.condition.teachers for m in committee().models if m.role == "student"}
    assert conditions == {("a", "b"), ("a.1", "b.2")}


def test_a_committee_has_no_layers_and_is_explained_by_what_needs_none():
    made = committee()
    found = next(m for m in made.models if m.role == "committee")
    assert made.methods_of(found) == ["saliency", "integrated-gradients"]
    files = made.observations[found.id].files
    assert not [name for name in files if "gradcam" in name]
    pair, artefact = next(
        (each, artefact)
        for each, artefact in zip(made.comparisons, made.compared.values(), strict=True)
        if each.reference is found
    )
    assert pair.relation == "committee"
    assert artefact.settings["layers"] == []
    assert "gradcam" not in artefact.settings["methods"]
    assert "layers.parquet" not in artefact.files
    assert "representation" not in artefact.settings["analyses"]


def test_images_are_common_to_all_members_of_a_committee():
    made = committee()
    with_committees = [each for each in made.comparisons if each.relation == "committee"]
    assert with_committees
    for each in with_committees:
        family = (each.reference.id, *each.reference.teachers)
        assert len(family) > 2
        common = {made.observations[name].identity for name in family}
        artefact = made.compared[each.model.id, each.reference.id]
        assert {a.identity for a in artefact.inputs["common"]} == common


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"committee": [["a"]]}, ["committee", "two members or more", "'a'", "`teachers`"]),
        ({"committee": [["a", "a"]]}, ["committee", "each of its members once", "'a', 'a'"]),
        ({"committee": [["a", "bb"]]}, ["committee", "'bb'", "did you mean 'b'"]),
        ({"committee": [["a", "b c"]]}, ["committee", "'b c'", "`name.seed`"]),
        ({"committee": [["a", "b.7"]]}, ["committee", "b has no seed 7", "1, 2"]),
        ({"committee": [["a", "b"]], "teachers": "each"}, ["`committee`", "leave out `teachers`"]),
        ({"committee": [["a", "b"]], "taught_by": "twin"}, ["`committee`", "`taught_by`"]),
        ({"committee": [["a", "b"]], "combine": "votes"}, ["combine", "'votes'", "'logits'"]),
        ({"committee": []}, ["committee", "expected 1 or more"]),
        ({"teachers": ["c"]}, ["teacher in grid entry 1", "'c'"]),
        ({"teachers": "all"}, ["teachers", "'all'", "each"]),
        ({"teachers": []}, ["teachers", "expected 1 or more"]),
        ({"combine": "logits"}, ["`combine`", "`committee`"]),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_teachers_that_can_not_be_are_refused_by_their_key(entry, words):
    with pytest.raises(ConfigurationError) as refused:
        study(grid=[{**KD, **entry}])
    for word in words:
        assert word in str(refused.value)


def test_a_member_named_twice_in_two_ways_is_no_committee():
    with pytest.raises(ConfigurationError, match=r"committee.*'a', 'a\.1'.*a-s1"):
        study(grid=[{**KD, "committee": [["a", "a.1"]]}])


def test_members_of_a_committee_have_one_preprocessing(tmp_path):
    (tmp_path / "mine.pt").write_bytes(b"weights")
    own = {"mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]}
    mine = {"architecture": "resnet18", "weights": "mine.pt", "preprocessing": own}
    grid = [{**KD, "committee": [["a", "mine"]]}]
    with pytest.raises(ConfigurationError, match=r"a-s1 and mine can't be.*`preprocessing`"):
        study(teachers={**RAW["teachers"], "mine": mine}, grid=grid)
    both = {"mine": mine, "yours": {**mine, "settings": {"width": 8}}}
    made = study(teachers=both, grid=[{**KD, "committee": [["mine", "yours"]]}])
    together = next(m for m in made.models if m.role == "committee")
    assert made.observations[together.id].settings["preprocessing"] == own


CLASSES = [f"class {number}" for number in range(10)]


def given_with(classes, tmp_path):
    (tmp_path / "mine.pt").write_bytes(b"weights")
    return {"architecture": "resnet18", "weights": "mine.pt", "classes": classes}


def test_members_of_a_committee_know_the_same_classes(tmp_path):
    """In whatever order: they are mapped by name. What one lacks is said with both lists."""
    data, grid = {**RAW["data"], "classes": CLASSES}, [{**KD, "committee": [["a", "mine"]]}]
    teachers = {**RAW["teachers"], "mine": given_with([*CLASSES[:-1], "swan"], tmp_path)}
    with pytest.raises(ConfigurationError) as refused:
        study(teachers=teachers, grid=grid, data=data)
    for words in (
        "a and mine can't be of one committee: a knows the class 'class 9' and mine does not",
        "The classes of a are class 0, class 1, class 2, class 3, class 4 and 5 more",
        "those of mine are class 0",
    ):
        assert words in str(refused.value)
    teachers["mine"] = given_with([*CLASSES[::-1], "swan"], tmp_path)
    made = study(teachers=teachers, grid=grid, data=data)
    assert {m.teachers for m in made.models if m.role == "student"} == {("a-s1", "mine")}


def test_tables_of_a_committee_are_of_the_students_views_whatever_its_members_learned_from():
    """Teachers of weak and strong augmentation are a committee: their tables have equal views."""
    views = {name: {"policy": name, "per_image": 2} for name in ("weak", "strong")}
    recipes = {n: {**RAW["recipes"]["short"], "views": v} for n, v in views.items()}
    teachers = {n: {**RAW["teachers"]["a"], "recipe": n} for n in ("weak", "strong")}
    students = {"tiny": {**RAW["students"]["tiny"], "recipe": "strong"}}
    grid = [{**KD, "committee": [["strong", "weak"]]}]
    made = study(recipes=recipes, teachers=teachers, students=students, grid=grid, floors=[])
    for model in (m for m in made.models if m.role == "student"):
        one, other = model.artefact.inputs["targets"]
        assert one.settings["views"] == other.settings["views"]
        assert one.inputs["views"] is other.inputs["views"] is model.artefact.inputs["views"]
