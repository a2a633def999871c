"""What planted shortcuts add to a plan, and what they leave alone."""

from __future__ import annotations

import copy
import dataclasses
from collections import Counter
from pathlib import Path

import pytest
import yaml

from distilscope import catalog
from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.study import parse
from distilscope.planning.study import Study

from .made_study import USUAL

REPOSITORY = Path(__file__).resolve().parents[3]

RAW = {
    "study": "x",
    "title": "t",
    "seeds": [1],
    "data": {"name": "fashion-mnist-subset", "fit": "pad"},
    "recipes": {"short": {"epochs": 2, "optimizer": {"lr": 0.1}}},
    "teachers": {
        "big": {
            "architecture": "plain-small",
            "recipe": "short",
            "seeds": [10],
            "twins": [11, 12, 13],
        }
    },
    "students": {"tiny": {"architecture": "plain-tiny", "recipe": "short"}},
    "grid": [{"objective": "kd", "students": ["tiny"], "T": 4, "alpha": 0.9}],
}
KD = {"objective": "kd", "students": ["tiny"], "T": 4, "alpha": 0.9}
CE = {"objective": "ce", "students": ["tiny"]}
PLANTED = {
    "teacher": "big",
    "plantings": [
        {"label": 3, "place": [2, 2], "seed": 21},
        {"label": 5, "place": [20, 9], "seed": 22},
    ],
    "arms": {"student": [CE], "both": [KD], "none": [{**CE, "seeds": [31, 32]}]},
}


def study(**changes):
    raw = {**copy.deepcopy(RAW), **copy.deepcopy(changes)}
    return Study(parse(raw), "fp32", REPOSITORY)


def searched(**shortcuts):
    """The study, whose students are searched for shortcuts."""
    return study(analyses={**USUAL, "shortcuts": shortcuts})


def planted(**changes):
    return searched(causal={}, planted={**PLANTED, **changes})


def audits_of(made):
    return made.plans["shortcuts"].audits


def rows_of(made):
    return made.tables.settings["analyses"]["shortcuts"]["audits"]


def kinds(made, than):
    added = made.artefacts.keys() - than.artefacts.keys()
    return Counter(name.split("/")[0] for name in added)


def test_a_planted_study_changes_no_artefact_of_the_plain_one_but_its_tables():
    added = kinds(planted(), study())
    assert added == {
        "planted": 2,
        # of each planting: the student of arm student, teacher and student of arm both; 2 clean
        "model": 2 * 3 + 2,
        # for each planting, of its own teacher: the clean one's is the study's
        "targets": 2,
        # plain, patched and two masked (by the clean and by the planted teacher) a planting; the
        # clean images plain and masked
        "probe": 2 * 4 + 2,
        # clean teacher and twins; of each planting its teacher and two students; 2 clean; the
        # study's own student, masked
        "probe_observation": 4 + 2 * 3 + 2 + 1,
        **{"tables": 1, "figures": 1, "report": 1},
    }
    removed = study().artefacts.keys() - planted().artefacts.keys()
    assert {name.split("/")[0] for name in removed} == {"tables", "figures", "report"}


def test_what_planted_models_are_shown_of_a_random_policy_is_made_too():
    views = {"policy": "strong", "per_image": 2}
    recipes = {"short": {"epochs": 2, "optimizer": {"lr": 0.1}, "views": views}}
    shortcuts = {"causal": {}, "planted": PLANTED}
    made = study(recipes=recipes, analyses={**USUAL, "shortcuts": shortcuts})
    folders = {artefact.folder for artefact in made.artefacts.values()}
    read = {a.folder for each in made.artefacts.values() for a in each.direct_inputs()}
    assert read <= folders
    shown = {views.inputs["dataset"].kind for views in made.of_kind("views")}
    assert shown == {"dataset", "planted"}


def test_the_check_by_masking_adds_a_job_a_model_and_a_probe_a_reference():
    added = kinds(searched(causal={"top": 0.2}), study())
    assert added == {"probe": 1, "probe_observation": 1, "tables": 1, "figures": 1, "report": 1}


def test_thresholds_change_the_tables_alone():
    assert set(kinds(searched(effect=3), searched())) == {"tables", "figures", "report"}


def test_every_arm_has_the_teacher_that_its_name_says():
    audits = {}
    for audit in audits_of(planted()).found:
        audits.setdefault(audit.arm, []).append(audit)
    assert {arm: len(found) for arm, found in audits.items()} == {
        **{None: 1, "student": 2, "both": 2, "none": 2}
    }
    clean = planted().dataset.identity
    for arm, found in audits.items():
        for audit in found:
            student, teacher = (
                model.artefact.inputs["dataset"] for model in (audit.model, audit.teacher)
            )
            assert (student.kind == "planted") == (arm in ("student", "both"))
            assert (teacher.kind == "planted") == (arm == "both")
            if student.kind == "planted":
                assert student.settings["class"] == audit.planting.label
                assert student.inputs["dataset"].identity == clean
            if arm == "both":
                assert teacher.identity == student.identity
            assert [name for name, _, _ in audit.twin_pairs] == ["big-s11", "big-s12", "big-s13"]
    seeds = [audit.model.seed for audit in audits["student"] + audits["none"]]
    assert seeds == [21, 22, 31, 32]


def test_a_distilled_student_of_planted_data_learns_from_the_clean_teachers_view_of_it():
    made = planted(arms={"student": [KD]})
    clean = made.by_id["big-s10"].artefact
    for audit in audits_of(made).found:
        if audit.arm == "student":
            (table,) = audit.model.artefact.inputs["targets"]
            assert table.inputs["teacher"].identity == clean.identity
            assert table.inputs["dataset"].kind == "planted"
    assert {model.role for model in audits_of(made).models.values()} == {"student"}


def test_student_and_reference_are_shown_the_same_images():
    found = audits_of(planted()).found
    assert {audit.arm for audit in found} >= {None, "student", "both", "none"}
    for audit in found:
        assert audit.seen.folder == audit.teacher_seen.folder
        if audit.planting:
            assert audit.seen.folder == f"{audit.planting.name}-test"
        for _, own, other in audit.twin_pairs:
            assert own.folder == other.folder == audit.seen.folder


def test_roles_and_arms_are_columns_of_the_rows():
    rows = rows_of(planted())
    assert {(row["arm"], row["role"], row["planted_class"]) for row in rows} == {
        (None, "student", None),
        ("student", "control", 3),
        ("student", "control", 5),
        ("both", "student", 3),
        ("both", "student", 5),
        ("none", "control", None),
    }


def test_another_place_is_another_planting_and_leaves_the_others_alone():
    moved = copy.deepcopy(PLANTED["plantings"])
    moved[0]["place"] = [9, 9]
    before = {a.settings["seed"]: a.identity for a in audits_of(planted()).datasets.values()}
    made = audits_of(planted(plantings=moved)).datasets.values()
    after = {a.settings["seed"]: a.identity for a in made}
    assert before[21] != after[21] and before[22] == after[22]


def test_students_without_twins_are_judged_by_masking_or_not_at_all():
    teachers = copy.deepcopy(RAW["teachers"])
    teachers["big"]["twins"] = [11]
    asked = {**USUAL, "shortcuts": {}}
    made = study(teachers=teachers, analyses=asked)
    assert not rows_of(made) and "shortcuts" not in made.table_names
    masked = study(teachers=teachers, analyses={**USUAL, "shortcuts": {"causal": {}}})
    assert [row["model"] for row in rows_of(masked)] == ["tiny-kd-T4-a0.9-s1"]
    assert len(rows_of(searched())) == 1


def test_what_can_not_be_planted_is_refused_with_its_key():
    with pytest.raises(ConfigurationError, match=r"planted\.teacher: 'big' has 2 twins"):
        teachers = copy.deepcopy(RAW["teachers"])
        teachers["big"]["twins"] = [11, 12]
        study(teachers=teachers, analyses={**USUAL, "shortcuts": {"planted": PLANTED}})
    with pytest.raises(ConfigurationError, match=r"class3-seed21; vary one"):
        planted(plantings=[PLANTED["plantings"][0]] * 2)
    with pytest.raises(ConfigurationError, match=r"`elsewhere` \(0\.9\) must be below"):
        planted(probability=0.8, elsewhere=0.9)
    with pytest.raises(ConfigurationError, match=r"at \[28, 2\] reaches over the edge.*at most 27"):
        planted(plantings=[{"label": 1, "place": [28, 2], "seed": 1}])
    with pytest.raises(ConfigurationError, match=r"student: `seeds` are the plantings' own"):
        planted(arms={"student": [{**CE, "seeds": [1]}]})
    with pytest.raises(ConfigurationError, match=r"did you mean 'tiny'"):
        planted(arms={"both": [{**KD, "students": ["tinny"]}]})


def test_the_study_that_ships_plants_every_class_once():
    path = REPOSITORY / "config/laptop/planted-shortcut.yaml"
    made = Study(parse(yaml.safe_load(path.read_text())), "bf16", REPOSITORY)
    arms = Counter(audit.arm for audit in audits_of(made).found)
    assert arms == {"student": 10, "both": 10, "none": 12}
    labels = [audit.planting.label for audit in audits_of(made).found if audit.arm == "both"]
    assert sorted(labels) == list(range(10))
    exploration = {7, 8}
    assert not exploration & {a.settings["seed"] for a in audits_of(made).datasets.values()}


def test_detectors_read_the_maps_of_any_method_that_explains_layers(monkeypatch):
    gradcam = catalog.METHODS["gradcam"]
    monkeypatch.setitem(catalog.METHODS, "their-cam", dataclasses.replace(gradcam, title="Theirs"))
    observe = {"methods": ["saliency", "their-cam", "gradcam"]}

    def read_by(**shortcuts):
        asked = {**USUAL, "shortcuts": {"causal": {}, **shortcuts}}
        made = study(observe=observe, analyses=asked)
        audits = audits_of(made)
        jobs = [*audits.probes.values(), *audits.probe_observations.values()]
        settings = made.tables.settings["analyses"]["shortcuts"]
        return {settings["method"]}.union(
            *([job.settings["method"]] if "method" in job.settings else job.settings["methods"]
              for job in jobs)
        )  # fmt: skip

    assert read_by() == {"their-cam"}
    assert read_by(method="gradcam") == {"gradcam"}
    with pytest.raises(ConfigurationError, match=r"'saliency' is none.*: their-cam, gradcam"):
        read_by(method="saliency")
    observe = {"methods": ["saliency"]}
    with pytest.raises(ConfigurationError, match="a method that explains layers, such as"):
        read_by()
