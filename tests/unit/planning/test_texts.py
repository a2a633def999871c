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
    artefact = study.artefacts[f"generations/{generations}"]
    assert artefact.files == ("tokens.safetensors",)
    assert [a.slug for a in artefact.inputs_of("teacher")] == ["expert-s1"]
    assert "distilscope.training.generations:generate" in artefact.job()


def test_a_teacher_writes_once_for_all_students_of_its_texts():
    students = {"small": SMALL, "other": SMALL}
    study = planned({**SEQ, "students": [*students]}, seeds=[1, 2], students=students)
    assert len(study.of_kind("generations")) == 1 and not study.of_kind("targets")


def test_a_student_of_the_twins_texts_waits_for_the_twin():
    study = planned({**SEQ, "taught_by": "twin"})
    (generations,) = study.of_kind("generations")
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
    assert model.artefact.settings["objective"]["own_texts"] == 0.5


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


# ---------------------------------------------------------------- what is kept of a teacher


def with_targets(**recipe):
    return {"recipes": {"r": {**TEXTS["recipes"]["r"], **recipe}}}


def test_each_way_of_keeping_a_teacher_is_a_table_of_its_own_files():
    files = {
        "table": {"logits.npy"},
        "hidden": {"states.npy", "head.safetensors"},
        "top-k": {"tokens.npy", "logits.npy"},
    }
    identities, settings = set(), {}
    for keeps, own in files.items():
        most = {"top_k": 8} if keeps == "top-k" else {}
        (table,) = planned(KD, **with_targets(targets=keeps, **most)).of_kind("targets")
        assert set(table.files) == {*own, "indices.npy", "positions.npy"}
        identities.add(table.identity)
        settings[keeps] = table.settings
    assert len(identities) == 3
    whole = settings["table"]
    assert settings["hidden"] == {**whole, "keeps": "hidden"}
    assert settings["top-k"] == {**whole, "keeps": "top-k", "top_k": 8}


def test_students_of_one_teacher_may_learn_from_different_tables_of_it():
    students = {"small": SMALL, "other": {**SMALL, "override": {"targets": "hidden"}}}
    study = planned({**KD, "students": [*students]}, students=students)
    assert len(study.of_kind("targets")) == 2
    kinds = {
        model: "keeps"
        in study.artefacts[f"targets/{learns_from(study, model)['targets'][0]}"].settings
        for model in ("small-kd-T1-a1-s1", "other-kd-T1-a1-s1")
    }
    assert kinds == {"small-kd-T1-a1-s1": False, "other-kd-T1-a1-s1": True}


@pytest.mark.parametrize("objective", ["kd", "reverse-kl", "jsd"])
def test_divergences_at_temperature_one_learn_from_top_k(objective):
    beta = {"beta": 0.5} if objective == "jsd" else {}
    planned({**KD, "objective": objective, **beta}, **with_targets(targets="top-k", top_k=4))


@pytest.mark.parametrize(
    ("entry", "recipe", "said"),
    [
        ({"T": 2.0}, {"top_k": 4}, "is known at T = 1 alone, not at"),
        ({"T": [1.0, 2.0]}, {"top_k": 4}, "is known at T = 1 alone, not at"),
        ({"objective": "logit-matching", "T": None}, {"top_k": 4}, "needs each logit of the teach"),
        ({}, {}, "`top_k`, how many tokens are kept .*, go together"),
        ({}, {"top_k": 1}, "top_k"),
        ({}, {"targets": "hidden", "top_k": 4}, "go together: `targets` is hidden and `top_k` 4"),
    ],
)
def test_what_top_k_can_not_say_is_refused(entry, recipe, said):
    changed = {key: value for key, value in {**KD, **entry}.items() if value is not None}
    with pytest.raises(ConfigurationError, match=said):
        planned(changed, **with_targets(**{"targets": "top-k", **recipe}))


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"targets": "hidden"}, "`targets: hidden`, which is for texts, and the data are images"),
        ({"targets": "top-k", "top_k": 4}, "`top_k` is for texts, and the data are images"),
    ],
)
def test_images_have_whole_tables_alone(recipe, said):
    name, own = next(iter(RAW["recipes"].items()))
    with pytest.raises(ConfigurationError, match=said):
        parse({**RAW, "recipes": {**RAW["recipes"], name: {**own, **recipe}}})


def test_a_recipe_with_adapters_is_another_training_and_one_without_says_nothing_of_them():
    lora = {"rank": 8, "alpha": 16, "modules": ["q_proj", "up_proj"]}

    def recipe(**more):
        study = planned(KD, recipes={"r": {**TEXTS["recipes"]["r"], **more}})
        return study.models[0].artefact.settings["recipe"]

    assert "lora" not in recipe()
    assert recipe(lora=lora) == {**recipe(), "lora": {**lora, "alpha": 16.0, "dropout": 0.0}}
    assert recipe(lora={"rank": 8, "alpha": 16})["lora"]["modules"] == ["q_proj", "v_proj"]


@pytest.mark.parametrize(
    ("lora", "said"),
    [
        ({"alpha": 16}, "rank"),
        ({"rank": 0, "alpha": 16}, "rank"),
        ({"rank": 4, "alpha": 8, "dropout": 1}, "dropout"),
        ({"rank": 4, "alpha": 8, "modules": []}, "modules"),
        ({"rank": 4, "alpha": 8, "modules": ["q_proj", "q_proj"]}, "'q_proj' occurs twice"),
    ],
)
def test_adapters_that_could_not_be_are_refused(lora, said):
    with pytest.raises(ConfigurationError, match=said):
        planned(KD, recipes={"r": {**TEXTS["recipes"]["r"], "lora": lora}})


def test_images_have_no_adapters():
    first = next(iter(RAW["recipes"]))
    recipes = {**RAW["recipes"], first: {**RAW["recipes"][first], "lora": {"rank": 4, "alpha": 8}}}
    with pytest.raises(ConfigurationError, match="`lora` is for texts"):
        parse({**RAW, "recipes": recipes})


@pytest.mark.parametrize("targets", ["table", "online"])
def test_a_student_of_several_teachers_is_compared_with_each_and_no_committee_is_asked(targets):
    teachers = {"expert": {**SMALL, "seeds": [1]}, "other": {**SMALL, "seeds": [3]}}
    entry = {**KD, "committee": [["expert", "other"]], "combine": "probabilities"}
    study = planned(
        *(entry, {"objective": "ce", "students": ["small"]}),
        teachers=teachers,
        recipes={"r": {**TEXTS["recipes"]["r"], "targets": targets}},
    )
    assert {model.role for model in study.models} == {"teacher", "student", "control"}
    for model in study.models:
        if model.role == "control":
            assert model.references == ("expert-s1", "other-s3")
        if model.role == "student":
            assert model.teachers == model.references == ("expert-s1", "other-s3")
            role = {"table": "targets", "online": "teachers"}[targets]
            assert len(model.artefact.inputs_of(role)) == 2
            assert model.artefact.settings["objective"]["combine"] == "probabilities"
