"""Learning rates: one of an entry's own, and those that are tried under a seed not reported."""

from __future__ import annotations

import pytest

from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.study import parse

from .test_texts import KD, SEQ, TEXTS, planned

CE = {"objective": "ce", "students": ["small"]}
RATES = [0.002, 0.004]
TUNING = {"seeds": [9], "learning_rates": RATES}
TUNED = {"analyses": {"reasoning": {"tuning": TUNING}}}


def rates(study):
    return {m.id: m.artefact.settings["recipe"]["optimizer"]["lr"] for m in study.models}


def test_the_learning_rate_of_an_entry_takes_the_place_of_the_recipes_and_names_nothing():
    plain, own = planned(CE, KD), planned({**CE, "lr": 0.004}, KD)
    assert rates(plain).keys() == rates(own).keys()
    changed = {name for name, rate in rates(own).items() if rate != rates(plain)[name]}
    assert changed == {"small-ce-s1"} and rates(own)["small-ce-s1"] == 0.004
    kept = {m.id: m.artefact.identity for m in plain.models if m.id not in changed}
    assert kept.items() <= {m.id: m.artefact.identity for m in own.models}.items()


def test_the_rate_that_a_recipe_has_anyway_plans_nothing_anew():
    same = planned({**CE, "lr": 0.002}).by_id["small-ce-s1"].artefact
    assert same.identity == planned(CE).by_id["small-ce-s1"].artefact.identity


def test_each_arm_is_tried_at_each_rate_by_one_student_of_the_same_seed():
    grid = [{**entry, "lr": 0.004} for entry in (CE, KD, SEQ)]
    study = planned(*grid, **TUNED)
    made = [m.artefact.settings for m in study.plans["reasoning"].models]
    assert len(made) == 3 * 2 and {each["seed"] for each in made} == {9}
    found = {(each["objective"]["name"], each["recipe"]["optimizer"]["lr"]) for each in made}
    assert found == {(name, rate) for name in ("ce", "kd", "seq-kd") for rate in RATES}
    seeds = {"tuning": {**TUNING, "seeds": [9, 8]}}
    twice = planned(*grid, analyses={"reasoning": seeds}).plans["reasoning"]
    assert [own["seed"] for own in twice.tried] == [9, 8] * 3 * 2
    assert {m.artefact.identity for m in twice.models} > {
        m.artefact.identity for m in study.plans["reasoning"].models
    }
    reported = {name for name in study.names.values() if name.startswith("small")}
    assert reported == {"small-ce", "small-kd-T1-a1", "small-seq-kd"}
    assert {model.seed for model in study.models if model.network == "small"} == {1}


def test_each_network_of_an_arm_is_tried_by_itself_and_may_have_a_rate_of_its_own():
    students = {**TEXTS["students"], "other": TEXTS["students"]["small"]}
    grid = [{**CE, "lr": 0.004}, {**CE, "students": ["other"], "lr": 0.002}]
    plan = planned(*grid, students=students, **TUNED).plans["reasoning"]
    used = [(own["student"], own["lr"]) for own in plan.tried if own["used"]]
    assert used == [("small", 0.004), ("other", 0.002)] and len(plan.tried) == 2 * 2
    own = {"seeds": [9], "learning_rates": {"small": RATES, "other": [0.001, 0.002]}}
    tuned = {"analyses": {"reasoning": {"tuning": own}}}
    plan = planned(*grid, students=students, **tuned).plans["reasoning"]
    tried = [(each["student"], each["lr"]) for each in plan.tried]
    assert tried == [("small", 0.002), ("small", 0.004), ("other", 0.001), ("other", 0.002)]


def test_what_is_tried_learns_from_the_tables_that_the_study_has_anyway():
    grid = [{**entry, "lr": 0.004} for entry in (CE, KD, SEQ)]
    study = planned(*grid, **TUNED)
    made = study.plans["reasoning"].artefacts
    assert {artefact.kind for artefact in made} == {"model"}
    learned = {a.name for artefact in made for a in artefact.inputs_of("targets")}
    assert learned == {table.name for table in study.of_kind("targets")}


def test_another_choice_trains_no_tried_student_again():
    first, second = (
        planned({**CE, "lr": rate}, {**KD, "lr": rate}, **TUNED).plans["reasoning"]
        for rate in RATES
    )
    assert [m.artefact.identity for m in first.models] == [
        m.artefact.identity for m in second.models
    ]
    used = [[own["lr"] for own in plan.tried if own["used"]] for plan in (first, second)]
    assert used == [[0.002, 0.002], [0.004, 0.004]]


@pytest.mark.parametrize(
    ("grid", "tuning", "said"),
    [
        ([{**CE, "lr": 0.002}], {"seeds": [9, 1]}, r"seeds: 1 is reported"),
        ([{**CE, "lr": 0.002}], {"seeds": [9, 9]}, r"seeds: one of \[9, 9\] occurs twice"),
        ([{**CE, "lr": 0.002}], {"seeds": []}, "seeds"),
        ([{**CE, "lr": 0.002}], {"learning_rates": [0.002, 0.002]}, "occurs twice"),
        (
            [{**CE, "lr": 0.002}],
            {"learning_rates": {"small": [1.0, 1.0]}},
            "small: one of .* twice",
        ),
        (
            [{**CE, "lr": 0.002}],
            {"learning_rates": {"large": RATES}},
            "of large; the grid has small",
        ),
        (
            [{**CE, "lr": 0.002}, {**CE, "lr": 0.002, "students": ["other"]}],
            {"learning_rates": {"small": RATES, "other": [0.002, 0.004, 0.008]}},
            "small 2, other 3: the budget is one",
        ),
        ([CE], {}, "ce of small has `lr` None; analyses.reasoning.tuning tries 0.002, 0.004"),
        ([{**CE, "lr": 0.003}], {}, "ce of small has `lr` 0.003"),
        ([{**KD, "lr": 0.002}, {**KD, "lr": 0.004, "seeds": [2]}], {}, "an arm has one"),
    ],
)
def test_a_choice_that_could_not_be_fair_is_refused(grid, tuning, said):
    students = {"small": TEXTS["students"]["small"]}
    if any(entry["students"] == ["other"] for entry in grid):
        students["other"] = students["small"]
    raw = {
        **TEXTS,
        "students": students,
        "grid": grid,
        "analyses": {"reasoning": {"tuning": {**TUNING, **tuning}}},
    }
    with pytest.raises(ConfigurationError, match=said):
        parse(raw)


def test_a_teacher_of_some_tasks_is_another_and_the_order_of_its_tasks_is_none():
    def identity(tasks):
        recipe = {**TEXTS["recipes"]["r"], **({"tasks": tasks} if tasks else {})}
        study = planned(CE, recipes={"r": recipe})
        return study.by_id["expert-s1"].artefact.identity

    assert identity(["add", "sort"]) == identity(["sort", "add"]) != identity(None)


def test_a_task_that_the_study_lacks_is_refused_with_the_nearest():
    recipe = {**TEXTS["recipes"]["r"], "tasks": ["sorts"]}
    with pytest.raises(ConfigurationError, match=r"recipes.r.tasks.*did you mean 'sort'"):
        parse({**TEXTS, "grid": [CE], "recipes": {"r": recipe}})
