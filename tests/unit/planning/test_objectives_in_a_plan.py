"""What objectives with parameters of their own, and teachers with one, change in a plan."""

import copy

import pytest
import yaml

from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.study import parse
from distilscope.planning.study import Study

from .made_study import RAW, REPOSITORY

SOFT = {"students": ["tiny"], "tau_student": 1, "alpha": 0.5}
FUSED = {"objective": "fused", "gamma": 0.5, "tau_teacher": 4, **SOFT}


def raw(**changes):
    return {**copy.deepcopy(RAW), **changes}


def planned(**changes):
    return Study(parse(raw(**changes)), "fp32", REPOSITORY)


def taught(**objective):
    return {"big": {**RAW["teachers"]["big"], "objective": objective}}


def of(study, role):
    return [model for model in study.models if model.role == role]


def test_all_objectives_of_a_teacher_learn_from_one_table_of_its_logits():
    grid = [
        {"objective": "kd", "students": ["tiny"], "T": 4, "alpha": 0.5},
        {"objective": "ts", "tau_teacher": 4, **SOFT},
        {"objective": "ats", "tau_true": 4, "tau_rest": 2, **SOFT},
        {"objective": "isats", "tau_low": 1, "tau_high": 4, "cap": 0.5, **SOFT},
        FUSED,
    ]
    study = planned(grid=grid, seeds=[1])
    tables = {m.artefact.inputs_of("targets")[0].name for m in of(study, "student")}
    assert len(of(study, "student")) == 5
    assert len(tables) == 1
    prepared = {
        m.condition.objective: m.artefact.inputs_of("prepared") for m in of(study, "student")
    }
    assert {name for name, found in prepared.items() if found} == {"fused"}


def test_relations_are_made_once_for_all_students_of_a_teacher():
    """They depend on the teacher's temperature, and neither on gamma, alpha nor the student."""
    grid = [{**FUSED, "gamma": [0.2, 0.5], "tau_teacher": [2, 4], "alpha": [0.5, 0.9]}]
    study = planned(grid=grid, seeds=[1])
    students = of(study, "student")
    assert len(students) == 8
    made = {
        (dict(m.condition.parameters)["tau_teacher"], m.artefact.inputs_of("prepared")[0].name)
        for m in students
    }
    assert len(made) == 2 == len(study.of_kind("prepared"))
    for artefact in study.of_kind("prepared"):
        assert artefact.kind == "prepared" and artefact.outputs == [
            "prepared.safetensors",
            "run.json",
        ]
        assert artefact.settings["prepare"].endswith("fused:prepare")
        assert artefact.settings["parameters"].keys() == {"tau_teacher"}
        assert artefact.inputs["targets"] in study.of_kind("targets")
        assert f"prepared/{artefact.name}" in study.artefacts


def test_a_teacher_without_an_objective_is_what_it_was():
    plain, spelled_out = planned(), planned(teachers=taught(name="ce"))
    assert {m.artefact.identity for m in plain.models} == {
        m.artefact.identity for m in spelled_out.models
    }


def test_teachers_and_twins_are_trained_with_their_own_objective():
    smoothed = planned(teachers=taught(name="ce-smoothed", parameters={"epsilon": 0.1}))
    for model in (*of(smoothed, "teacher"), *of(smoothed, "twin")):
        assert model.condition.objective == "ce-smoothed"
        assert model.condition.parameters == (("epsilon", 0.1),)
        assert model.artefact.settings["objective"]["parameters"] == {"epsilon": 0.1}
    assert all(model.condition.objective == "ce" for model in of(smoothed, "control"))
    known = {model.artefact.identity for model in planned().models}
    assert not known & {m.artefact.identity for m in of(smoothed, "teacher")}


def test_smoothing_nothing_is_cross_entropy():
    nothing = planned(teachers=taught(name="ce-smoothed", parameters={"epsilon": 0}))
    assert {m.artefact.identity for m in nothing.models} == {
        m.artefact.identity for m in planned().models
    }


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        ({"name": "kd"}, "'kd' learns from a teacher; a teacher's own objective is one of ce, "),
        ({"name": "ce-smothed"}, "did you mean 'ce-smoothed'"),
        ({"name": "ce-smoothed"}, "ce-smoothed needs the parameter 'epsilon'"),
        ({"name": "ce-smoothed", "parameters": {"epsilon": 2}}, "epsilon: 2 is outside [0, 1]"),
        ({"name": "ce", "parameters": {"epsilon": 0.1}}, "unknown parameter of ce 'epsilon'"),
    ],
)
def test_an_objective_that_no_teacher_can_have_is_refused(objective, said):
    with pytest.raises(ConfigurationError) as caught:
        parse(raw(teachers=taught(**objective)))
    assert said in str(caught.value)


@pytest.mark.parametrize("key", ["tau_teacher", "tau_student"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_temperature_of_0_or_less_is_refused(key, value):
    with pytest.raises(ConfigurationError, match=f"{value} is outside"):
        parse(raw(grid=[{**FUSED, key: value}]))


def test_relations_of_a_committee_are_refused():
    with pytest.raises(ConfigurationError, match="fused learns from one teacher"):
        parse(raw(grid=[{**FUSED, "committee": [["big.10", "big.20"]]}]))


def test_relations_without_a_table_are_refused():
    recipes = {"short": {**RAW["recipes"]["short"], "targets": "online"}}
    with pytest.raises(ConfigurationError, match="fused is made of the teacher's table"):
        parse(raw(recipes=recipes, grid=[FUSED]))


def test_the_published_study_of_dark_knowledge_plans_whole():
    path = REPOSITORY / "config/paper/dark-knowledge.yaml"
    study = Study(parse(yaml.safe_load(path.read_text())), "bf16", REPOSITORY)
    assert len(of(study, "teacher")) == len(of(study, "twin")) == 20
    assert len(of(study, "student")) == 3 * 20 * 4 * 4 * 4
    assert len(of(study, "control")) == 3 * 4
    assert len(study.of_kind("targets")) == 20
    recipe = of(study, "student")[0].artefact.settings["recipe"]
    assert recipe["epochs"] == 240
