"""What a configuration enumerates, and what an identity covers."""

from __future__ import annotations

import copy

import pytest
import yaml

from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.study import parse
from distilscope.planning.study import Study

from .made_study import RAW, REPOSITORY, USUAL, identities, study


def test_alpha_zero_is_the_label_only_control_at_every_temperature():
    ids = [model.id for model in study().models]
    assert len(ids) == len(set(ids))
    assert not [name for name in ids if "a0-" in name]
    controls = [m for m in study().models if m.role == "control" and m.network == "tiny"]
    assert [m.id for m in controls] == ["tiny-ce-s1", "tiny-ce-s2", "tiny-ce-s3"]
    assert all(m.teachers == () and not m.artefact.inputs.get("targets") for m in controls)


def test_student_seed_i_learns_from_teacher_i_mod_m():
    learned = {m.seed: m.teachers for m in study().models if m.id.startswith("tiny-kd-T4")}
    assert learned == {1: ("big-s10",), 2: ("big-s20",), 3: ("big-s10",)}
    compared = {m.seed: m.references for m in study().models if m.id.startswith("tiny-ce")}
    assert compared == learned


def test_an_entry_with_seeds_of_its_own_keeps_each_seeds_teacher():
    """Seed 2 is the second of the study wherever it stands, and a new seed comes after the last."""
    entry = {"objective": "kd", "students": ["small"], "T": 4, "alpha": 0.9, "seeds": [2, 7, 3]}
    made = study(grid=[entry, *RAW["grid"]])
    learned = {m.seed: m.teachers for m in made.models if m.id.startswith("small-kd")}
    assert learned == {2: ("big-s20",), 7: ("big-s20",), 3: ("big-s10",)}


def test_one_table_of_targets_serves_every_temperature_and_alpha():
    made = study()
    assert sorted(a.slug for a in made.of_kind("targets")) == ["big-s10", "big-s20"]
    of_first = [m for m in made.models if m.teachers == ("big-s10",)]
    assert len({m.artefact.inputs["targets"][0].identity for m in of_first}) == 1


def test_an_online_teacher_takes_the_place_of_the_table():
    recipes = {"short": {"epochs": 2, "optimizer": {"lr": 0.1}, "targets": "online"}}
    made = study(recipes=recipes)
    assert not made.of_kind("targets")
    distilled = [m for m in made.models if m.role == "student"]
    assert [a.slug for a in distilled[0].artefact.inputs["teachers"]] == ["big-s10"]


def test_roles_of_all_models():
    roles = [model.role for model in study().models]
    expected = {"teacher": 2, "twin": 1, "student": 6, "control": 6, "floor": 3}
    assert {role: roles.count(role) for role in expected} == expected


def test_every_artefact_has_an_identity_and_a_place_of_its_own():
    artefacts = list(study().artefacts.values())
    assert len({a.folder for a in artefacts}) == len(artefacts)
    assert len({a.identity for a in artefacts}) == len(artefacts)


def test_the_identity_of_a_control_does_not_depend_on_the_teacher():
    other = copy.deepcopy(RAW["teachers"])
    other["big"]["settings"] = {"width": 32}
    before, after = identities(study()), identities(study(teachers=other))
    assert before["tiny-ce-s1"] == after["tiny-ce-s1"]
    assert before["tiny-kd-T4-a0.9-s1"] != after["tiny-kd-T4-a0.9-s1"]


def test_a_floor_is_not_a_function_of_the_training_precision():
    fp32, bf16 = identities(study("fp32")), identities(study("bf16"))
    assert fp32["tiny-untrained-s1"] == bf16["tiny-untrained-s1"]
    assert fp32["tiny-ce-s1"] != bf16["tiny-ce-s1"]


def test_a_given_teacher_needs_no_training_and_is_known_by_its_bytes(tmp_path):
    weights = tmp_path / "mine.safetensors"
    weights.write_bytes(b"one")
    given = {"mine": {"architecture": "resnet18", "weights": str(weights)}}
    first = study(teachers=given, students={}, grid=[], floors=[])
    assert [(m.id, m.condition.source) for m in first.models] == [("mine", "given")]
    weights.write_bytes(b"two")
    second = study(teachers=given, students={}, grid=[], floors=[])
    assert identities(first) != identities(second)


def test_a_file_that_is_not_there_is_named_with_its_key():
    with pytest.raises(ConfigurationError, match=r"data\.path.*nowhere"):
        study(data={"name": "idx", "path": "nowhere"})
    given = {"mine": {"architecture": "resnet18", "weights": "nowhere.pt"}}
    with pytest.raises(ConfigurationError, match=r"mine.*nowhere\.pt"):
        study(teachers=given)


def test_the_check_of_networks_is_a_function_of_networks_and_requests_alone():
    """A cell more in the grid, another name or another seed checks nothing again."""
    named = {"little": RAW["students"]["tiny"], "small": RAW["students"]["small"]}
    grid = [{"objective": "ce", "students": ["small"]}]
    grid += [{"objective": "kd", "students": ["little"], "T": 8, "alpha": 1}]
    same = study(students=named, grid=grid, floors=["little"], seeds=[7], study="other")
    assert same.networks.identity == study().networks.identity
    entries = same.networks.information["entries"]
    assert sorted(one["names"] for one in entries) == [["big"], ["little"], ["small"]]
    for changes in (
        {"observe": {"ig_steps": 8}},
        {"recipes": {"short": {"epochs": 3, "optimizer": {"lr": 0.1}}}},
        {"threads": 2},
        {"analyses": {**USUAL, "randomisation": {"model": "tiny"}}},
    ):
        assert study(**changes).networks.identity != study().networks.identity


def test_a_network_that_goes_by_two_names_is_checked_once():
    twice = {**RAW["students"], "again": RAW["students"]["tiny"]}
    grid = [{"objective": "ce", "students": ["tiny", "small", "again"]}]
    entries = study(students=twice, grid=grid).networks.information["entries"]
    assert sorted(one["names"] for one in entries) == [["again", "tiny"], ["big"], ["small"]]


def test_the_catalogues_head_is_used_behind_the_catalogues_last_block_alone():
    """Elsewhere GradCAM's closed form does not hold, and the observation would be refused."""
    deeper = copy.deepcopy(RAW["students"])
    deeper["tiny"]["explained"] = ["block2", "block1"]
    renamed = {"layers": {"a": "blocks.block2", "z": "blocks.block3"}, "explained": ["z", "a"]}
    deeper["small"] |= {"architecture": "plain-tiny", **renamed}
    heads = {m.network: m.head for m in study(students=deeper).models}
    assert heads == {"big": "fc", "tiny": None, "small": "head"}


def test_the_published_study_plans_whole():
    path = REPOSITORY / "config/paper/reasoning-consistency.yaml"
    made = Study(parse(yaml.safe_load(path.read_text())), "bf16", REPOSITORY)
    counts = dict.fromkeys(("teacher", "twin", "student", "control", "floor"), 0)
    for model in made.models:
        counts[model.role] += 1
    assert counts == {"teacher": 3, "twin": 1, "student": 30, "control": 18, "floor": 18}
    teacher = made.models[0].artefact.settings
    assert teacher["init"] == {"from": "imagenet", "weights": "resnet50"}
    assert teacher["recipe"]["epochs"] == 20
    table = made.of_kind("targets")[0].settings["views"]
    assert table == {"policy": "crop-flip", "pad": 4, "tabulated": None}
    assert made.downloads == ["data/cifar10.complete"]


def test_with_several_teachers_each_is_compared_with_each_on_the_same_images():
    made = study()
    family = ("big-s10", "big-s20", "big-s30")
    pairs = {pair for pair in made.compared if pair[0] in family}
    asked = ("big-s10", "big-s20")  # no student is compared with the twin
    assert pairs == {(own, other) for own in family for other in asked if own != other}
    common = {m.id: made.observations[m.id].identity for m in made.models if m.id in family}
    for artefact in made.compared.values():
        assert {a.identity for a in artefact.inputs["common"]} == set(common.values())
    found = {
        row["id"]: [(one["reference"], one["relation"]) for one in row["comparisons"]]
        for row in made.tables.settings["models"]
    }
    assert found["big-s10"] == [("big-s20", "twin")]
    assert found["big-s30"] == [("big-s10", "twin"), ("big-s20", "twin")]
    assert found["tiny-kd-T4-a0.9-s2"] == [("big-s20", "teacher")]


def test_one_teacher_is_compared_with_nothing_and_its_twin_with_it():
    teacher = {**RAW["teachers"]["big"], "seeds": [10]}
    pairs = study(teachers={"big": teacher}).compared
    assert [pair for pair in pairs if pair[0].startswith("big")] == [("big-s30", "big-s10")]


TAUGHT = {"objective": "kd", "students": ["tiny"], "T": 4, "alpha": 0.9, "taught_by": "twin"}


def test_the_tables_are_told_which_layers_are_explained_first_of_every_model():
    """Both sides of the headline pair, in the order of the configuration."""
    students = copy.deepcopy(RAW["students"])
    students["tiny"] |= {"explained": ["block2", "block3"]}
    made = study(students=students)
    rows = {row["id"]: row["explained"] for row in made.tables.settings["models"]}
    assert rows["big-s10"] == ["layer4", "layer3"]
    assert rows["tiny-ce-s1"] == ["block2", "block3"]
    assert rows["small-ce-s1"] == ["block4", "block3"]
    compared = made.compared["tiny-ce-s1", "big-s10"].settings["layers"]
    assert compared == [["block2", "layer4"], ["block3", "layer3"]]


def test_a_student_of_the_twin_is_compared_with_the_teacher_that_it_would_have_had():
    made = study(grid=[*RAW["grid"], TAUGHT])
    found = {m.seed: (*m.teachers, *m.references) for m in made.models if m.role == "twin-taught"}
    assert found == {
        1: ("big-s20", "big-s10"),
        2: ("big-s30", "big-s20"),
        3: ("big-s20", "big-s10"),
    }
    own = made.by_id["tiny-kd-T4-a0.9-by-twin-s2"]
    assert own.artefact.inputs["targets"][0].inputs["teacher"].slug == "big-s30"
    others = {**identities(made)}
    assert all(others[name] == identity for name, identity in identities(study()).items())


def test_without_a_twin_no_student_can_learn_from_one():
    teacher = {**RAW["teachers"]["big"], "seeds": [10], "twins": []}
    with pytest.raises(ConfigurationError, match="a seed in `twins`"):
        study(teachers={"big": teacher}, grid=[TAUGHT])


# ------------------------------------------------------------------------- names that collide

BIG = {"architecture": "resnet18", "recipe": "short"}
TINY = {"architecture": "plain-tiny", "recipe": "short"}


@pytest.mark.parametrize(
    ("changes", "one", "other"),
    [
        (
            {"teachers": {"tiny-ce": {**BIG, "seeds": [1]}}},
            "teacher 'tiny-ce' (ce, seed 1)",
            "control 'tiny' (ce, seed 1)",
        ),
        (
            {"teachers": {"tiny-untrained": {**BIG, "seeds": [9], "twins": [1]}}},
            "twin 'tiny-untrained' (ce, seed 1)",
            "the untrained 'tiny' (seed 1)",
        ),
        (
            {"grid": [{**RAW["grid"][0], "alpha": 0.9, "T": [2, 2.0000000000001]}]},
            "student 'tiny' (kd, T 2.0, alpha 0.9, seed 1)",
            "student 'tiny' (kd, T 2.0000000000001, alpha 0.9, seed 1)",
        ),
        (
            {
                "students": {"tiny": TINY, "tiny-ce": TINY},
                "grid": [{"objective": "ce", "students": ["tiny"], "seeds": [1]}],
                "floors": ["tiny", "tiny-ce"],
                "teachers": {"tiny-ce-untrained": {**BIG, "seeds": [3]}},
            },
            "teacher 'tiny-ce-untrained' (ce, seed 3)",
            "the untrained 'tiny-ce' (seed 3)",
        ),
    ],
    ids=["a teacher and a control", "a twin and a floor", "two T", "a label in a label"],
)
def test_two_models_of_one_name_are_refused_with_both(changes, one, other):
    with pytest.raises(ConfigurationError) as refused:
        study(**changes)
    assert f"{one} and {other} would both be called" in str(refused.value)


def test_what_two_entries_ask_for_alike_is_one_model():
    once = study()
    twice = study(grid=[*RAW["grid"], *copy.deepcopy(RAW["grid"])])
    assert identities(once) == identities(twice)
