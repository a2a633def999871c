"""A wrong configuration is answered with the key, the value and what would be accepted."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from snakemake.utils import update_config

from distilscope.configuration.kinds import ConfigurationError
from distilscope.configuration.study import parse, schema

REPOSITORY = Path(__file__).resolve().parents[3]
CONFIGURATIONS = sorted((REPOSITORY / "config").rglob("*.yaml"))
LAID_OVER = re.compile(r"--configfile (config/\S+\.yaml) (config/\S+\.yaml)$", re.MULTILINE)
"""The command in the head of a file that is laid over another, both named."""

GOOD = {
    "study": "x",
    "title": "t",
    "data": {"name": "fashion-mnist-subset"},
    "recipes": {"short": {"epochs": 2, "optimizer": {"lr": 0.1}}},
    "teachers": {"resnet18": {"architecture": "resnet18", "recipe": "short"}},
    "students": {"tiny": {"architecture": "plain-tiny", "recipe": "short"}},
    "grid": [{"students": ["tiny"], "objective": "kd", "T": [2, 4], "alpha": 0.9}],
}


def altered(**changes):
    """GOOD with the values at dotted places replaced; None removes the key."""
    made = copy.deepcopy(GOOD)
    for place, value in changes.items():
        *way, last = place.split("__")
        target = made
        for step in way:
            target = target[int(step) if step.isdigit() else step]
        if value is None:
            del target[last]
        else:
            target[last] = value
    return made


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda p: p.stem)
def test_the_configurations_that_ship_are_accepted_and_fit_the_schema(path):
    raw = yaml.safe_load(path.read_text())
    if over := LAID_OVER.search(path.read_text()):
        base, own = (REPOSITORY / name for name in over.groups())
        assert own == path
        raw = yaml.safe_load(base.read_text())
        update_config(raw, yaml.safe_load(path.read_text()))
    parse(raw)
    jsonschema.validate(raw, schema())


def test_the_schema_on_disk_is_the_one_of_the_typed_model():
    stored = REPOSITORY / "workflow/schemas/configuration.schema.json"
    assert json.loads(stored.read_text()) == schema(), "run `make schema`"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sedes": [1]}, ["'sedes'", "'seeds'"]),
        ({"study": None}, ["study", "missing"]),
        ({"recipes__short__epochs": 0}, ["recipes.short.epochs", "1"]),
        ({"recipes__short__epochs": 2.5}, ["recipes.short.epochs", "whole number"]),
        ({"recipes__short__optimizer__lr": "fast"}, ["lr", "'fast'", "not a number"]),
        ({"recipes__short__optimizer__lr": True}, ["lr", "True"]),
        ({"recipes__short__optimizer__lr": float("nan")}, ["lr", "finite"]),
        ({"grid__0__T": 0}, ["T", "0 is outside (0, 1000]"]),
        ({"grid__0__T": [2, -4]}, ["T", "-4 is outside"]),
        ({"grid__0__T": []}, ["T", "empty"]),
        ({"grid__0__alpha": 1.1}, ["alpha", "1.1 is outside [0, 1]"]),
        ({"grid__0__objective": "kdd"}, ["'kdd'", "'kd'"]),
        ({"grid__0__beta": 1}, ["'beta'"]),
        ({"grid__0__students": ["tinny"]}, ["'tinny'", "'tiny'", "grid entry 1"]),
        ({"grid": []}, ["`grid` is empty"]),
        ({"grid__0__students": []}, ["students"]),
        ({"students__tiny__architecture": "plain-tinny"}, ["'plain-tinny'", "'plain-tiny'"]),
        ({"students__tiny__settings": {"wdths": [1]}}, ["'wdths'", "'widths'"]),
        ({"students__tiny__explained": ["blok3"]}, ["'blok3'", "'block3'"]),
        ({"students__tiny__recipe": "shrt"}, ["'shrt'", "'short'"]),
        ({"students__tiny__override": {"epohcs": 3}}, ["override of tiny", "'epochs'"]),
        (
            {"students__tiny__override": {"optimizer": {"name": "adamw"}}},
            ["override of tiny", "optimizer.lr: this key is missing"],
        ),
        (
            {"students__tiny__override": {"optimizer": {"name": "adamw", "lr": 1, "momentum": 0}}},
            ["optimizer: unknown key 'momentum'", "betas, eps, lr"],
        ),
        (
            {"students__tiny__override": {"optimizer": {"betas": [0.9, 0.99]}}},
            ["optimizer: unknown key 'betas'", "lr, momentum"],
        ),
        (
            {"students__tiny__override": {"optimizer": {"name": "adam"}}},
            ["unknown optimizer 'adam'", "'adamw'"],
        ),
        ({"data__name": "cifar-10"}, ["'cifar-10'", "'cifar10'"]),
        ({"data__name": "idx"}, ["`path`"]),
        ({"study": "../up"}, ["study", "'../up'"]),
        ({"observe": {"methods": ["grad-cam"]}}, ["'grad-cam'", "'gradcam'"]),
        ({"teachers__resnet18__twins": [0]}, ["differ"]),
        (
            {
                "teachers__resnet18__init": "imagenet",
                "teachers__resnet18__architecture": "plain-tiny",
            },
            ["imagenet", "resnet18"],
        ),
        ({"teachers__resnet18__weights": "a.pt"}, ["weights"]),
        ({"data": 3}, ["data", "mapping"]),
        (
            {"recipes__short__schedule": {"warmup_epochs": 2}},
            ["recipes.short", "`schedule.warmup_epochs` is 2 of 2 `epochs`", "less than 2"],
        ),
        (
            {"students__tiny__override": {"schedule": {"warmup_epochs": 2.5}}},
            ["override of tiny", "`schedule.warmup_epochs` is 2.5 of 2 `epochs`"],
        ),
        (
            {"students__tiny__settings": {"widths": [8, 16]}},
            ["students.tiny", "`pools` names block 3 and `widths` has 2", "they are [1, 2, 3]"],
        ),
        ({"students__tiny__settings": {"widths": []}}, ["`widths` is empty"]),
        (
            {"students__tiny__settings": {"widths": [8, 8, 8, 8], "pools": [4]}},
            ["`widths` has 4 blocks", "are those of 3", "`layers` and `explained`"],
        ),
        (
            {"students__tiny__layers": {"late": "blocks.block3"}},
            ["unknown layer in explained 'block3'", "known are late"],
        ),
    ],
)
def test_a_fault_is_told_with_the_key_and_what_would_be_accepted(changes, words):
    with pytest.raises(ConfigurationError) as fault:
        parse(altered(**changes))
    for word in words:
        assert word in str(fault.value)


def test_all_faults_are_told_at_once():
    with pytest.raises(ConfigurationError) as fault:
        parse(altered(grid__0__T=0, recipes__short__epochs=0))
    assert "grid.0.T" in str(fault.value)
    assert "recipes.short.epochs" in str(fault.value)


def test_a_number_that_yaml_reads_as_text_is_that_number():
    raw = altered(recipes__short__optimizer__lr=yaml.safe_load("1e-1"))
    assert raw["recipes"]["short"]["optimizer"]["lr"] == "1e-1"
    assert parse(raw).recipes["short"].optimizer.lr == 0.1


def test_a_factory_of_the_users_needs_allow_code():
    own = {
        "architecture": "mine.nets:build",
        "layers": {"last": "body.3"},
        "explained": ["last"],
        "recipe": "short",
    }
    with pytest.raises(ConfigurationError, match="allow_code"):
        parse(altered(students__tiny=own))
    assert parse(altered(students__tiny=own, allow_code=True)).allow_code


def test_another_optimizer_in_an_override_begins_with_its_own_defaults():
    other = {"optimizer": {"name": "adamw", "lr": 0.01}}
    parsed = parse(altered(students__tiny__override=other))
    assert parsed.recipe_of("tiny").optimizer.model_dump() == {
        "name": "adamw",
        "lr": 0.01,
        "betas": [0.9, 0.999],
        "eps": 1e-8,
        "weight_decay": 0.01,
    }


def test_an_override_is_laid_on_the_recipe_key_by_key():
    parsed = parse(altered(students__tiny__override={"optimizer": {"lr": 0.5}}))
    assert parsed.recipe_of("tiny").optimizer.lr == 0.5
    assert parsed.recipe_of("tiny").epochs == 2
    assert parsed.recipe_of("resnet18").optimizer.lr == 0.1


@pytest.mark.parametrize("name", ["store", "checkpoints", "logs", "progress", "Store"])
def test_a_study_is_not_called_like_a_folder_of_the_results(name):
    with pytest.raises(ConfigurationError, match=f"study: results/{name} is where"):
        parse(altered(study=name))
