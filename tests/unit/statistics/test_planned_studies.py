"""Claims on the models and comparisons that the planner makes, with made-up numbers."""

from pathlib import Path

import pytest

from distilscope.configuration.study import parse
from distilscope.planning.study import Study
from distilscope.statistics.values import Values
from distilscope.statistics.verdicts import judge_claim

from .made_values import claim_of

STUDY = {
    "study": "x",
    "title": "t",
    "seeds": [1, 2, 3],
    "data": {"name": "fashion-mnist-subset", "fit": "pad"},
    "recipes": {"short": {"epochs": 2, "optimizer": {"lr": 0.1}}},
    "teachers": {
        name: {"architecture": "resnet18", "recipe": "short", "seeds": seeds, "twins": twins}
        for name, seeds, twins in (("a", [10], [11]), ("b", [20], [21]), ("c", [30], []))
    },
    "students": {"tiny": {"architecture": "plain-tiny", "recipe": "short"}},
    "grid": [
        {"students": ["tiny"], "teachers": ["a", "b"], "objective": "kd", "T": 4, "alpha": 0.9},
        {
            **{"students": ["tiny"], "committee": [["a", "b"]], "combine": "logits"},
            **{"objective": "kd", "T": 4, "alpha": 0.9},
        },
        {"students": ["tiny"], "objective": "ce"},
    ],
    "compare": ["teacher", "twin", "other-teacher"],
}
RHO = {"measure": "rho", "subset": "common"}
DISTILLED = {"objective": "kd", "teacher": ["a", "b"]}


@pytest.fixture
def values(tmp_path, monkeypatch):
    """Rho of a student is 0.5 with a teacher of `a` and 0.7 else, 0.1 more for one that learned
    from it; twins have 0.9; accuracy is 0.8, and 0.85 of those distilled from one teacher. Seeds
    add their number / 1000.
    """
    monkeypatch.chdir(tmp_path)
    study = Study(parse(STUDY), "fp32", Path(__file__).parents[3])
    rows = []
    for model in study.models:
        distilled = model.role == "student" and len(model.teachers) == 1
        accuracy = 0.8 + 0.05 * distilled + model.seed / 1000 * distilled
        place = {"model": model.id, "class": None}
        alone = {"reference": None, "relation": None, "measure": "accuracy", "subset": "all"}
        rows.append({**place, **alone, "value": accuracy})
    for each in study.comparisons:
        taught = each.reference.id in each.model.teachers
        rho = 0.5 + 0.2 * (each.reference.network != "a") + (0.1 + each.model.seed / 1000) * taught
        beside = {"reference": each.reference.id, "relation": each.relation, **RHO}
        value = 0.9 if each.relation == "twin" else rho
        rows.append({"model": each.model.id, "class": None, **beside, "value": value})
    models = {m.id: (study.names[m.condition], m.seed) for m in study.models}
    conditions = {name: condition for condition, name in study.names.items()}
    return Values.of(rows, models, conditions, 10)


def judged(values, **statement):
    return judge_claim(claim_of(statement), values, 1, published_data=False)


def test_two_teachers_and_one_control_are_tested(values):
    found = judged(
        values, form="paired-difference", first=DISTILLED, second={"objective": "ce"}, **RHO
    )
    assert (found.seeds, found.ours) == (3, pytest.approx(0.102))
    assert "For these 2 teachers" in found.why


def test_each_student_is_set_against_the_twin_of_its_teacher(values):
    found = judged(values, form="against-twin", arm=DISTILLED, **RHO)
    assert (found.seeds, found.ours) == (3, pytest.approx((0.6 + 0.8) / 2 + 0.002 - 0.9))


def test_students_of_a_committee_are_paired_with_the_control_and_with_one_teachers(values):
    committee = {"objective": "kd", "teachers": ["a", "b"]}
    accuracy = {"form": "paired-difference", "measure": "accuracy"}
    found = judged(values, **accuracy, first=DISTILLED, second=committee)
    assert found.ours == pytest.approx(0.052)
    found = judged(values, **accuracy, first=committee, second={"objective": "ce"})
    assert found.ours == pytest.approx(0.0)


def test_a_student_of_two_teachers_is_read_against_both(values):
    committee = {"objective": "kd", "teachers": ["a", "b"]}
    found = judged(values, form="against-twin", arm=committee, **RHO)
    assert found.ours == pytest.approx((0.6 + 0.8) / 2 + 0.002 - 0.9)
    found = judged(values, form="paired-difference", first=DISTILLED, second=committee, **RHO)
    assert found.ours == pytest.approx(0.0)


def test_the_nearest_condition_is_named_as_the_tables_name_it(values):
    arm = {"objective": "kd", "T": 4, "alpha": 0.9, "teacher": "c"}
    found = judged(values, form="against-twin", arm=arm, **RHO)
    assert found.verdict == "not tested"
    assert found.why.split("the nearest is ")[1][:-1] in values.conditions
    assert "student under kd T=4 alpha=0.9 from c; the nearest is tiny-kd-T4-a0.9-a." in found.why
