"""Every way of training a language model goes on to the same bits: what each draws and keeps."""

from __future__ import annotations

import pytest

from distilscope import catalog
from distilscope.planning.job import Job
from distilscope.training.generations import generate
from distilscope.training.text_targets import tabulate
from distilscope.training.train_texts import train

from .dying import dies_at, digests, resumed_from
from .making import changed
from .texts_making import SETTINGS, make_teacher, make_texts, model_job, targets_job

SGD = {"name": "sgd", "lr": 0.05, "momentum": 0.9, "weight_decay": 0.0, "nesterov": True}
LORA = {"rank": 2, "alpha": 6.0, "dropout": 0.2, "modules": ["q_proj", "down_proj"]}
ALONE = {"T": 1.0, "alpha": 1.0}
WAYS = {
    "SGD with momentum": (("ce", {}), {"recipe__optimizer": SGD}, None),
    "batches in parts": (("ce", {}), {"recipe__accumulate": 3}, None),
    "noise on the teacher's logits": (("kd-noisy", {**ALONE, "sigma": 2.0}), {}, "table"),
    "noise, in parts": (("kd-noisy", {**ALONE, "sigma": 2.0}), {"recipe__accumulate": 3}, "table"),
    "reverse KL from hidden states": (("reverse-kl", ALONE), {}, "hidden"),
    "forward KL from the top k": (("kd", ALONE), {}, "top-k"),
    "the teacher's own texts": (("seq-kd", {}), {}, "generations"),
    "own texts, in parts": (
        ("gkd", {"beta": 0.5, "T": 1.0, "on_policy": 0.6}),
        {"recipe__accumulate": 3},
        "teachers",
    ),
    "own texts with adapters that drop out": (
        ("gkd", {"beta": 0.5, "T": 1.0, "on_policy": 0.6}),
        {"recipe__lora": LORA},
        "teachers",
    ),
}
"""(objective, its parameters), changes of the settings, and what there is of the teacher."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_texts(tmp_path_factory.mktemp("texts"))


@pytest.fixture(scope="module")
def of_teacher(tmp_path_factory, dataset):
    """What there is of the teacher -> the inputs of a job."""
    teacher = make_teacher(tmp_path_factory.mktemp("teacher"), dataset)
    found = {None: {}, "teachers": {"teachers": [str(teacher)]}}
    for name, keeps in {"table": {}, "hidden": {}, "top-k": {"top_k": 5}}.items():
        folder = tmp_path_factory.mktemp(name)
        own = {} if name == "table" else {"keeps": name, **keeps}
        tabulate(targets_job(folder, dataset, teacher, **own))
        found[name] = {"targets": [str(folder)]}
    folder = tmp_path_factory.mktemp("generations")
    inputs = {"dataset": str(dataset), "teacher": str(teacher)}
    generate(Job("generations", "own", "0" * 12, {"threads": 1}, inputs, folder))
    return {**found, "generations": {"generations": str(folder)}}


@pytest.fixture(scope="module")
def control(tmp_path_factory, dataset):
    folder = tmp_path_factory.mktemp("control")
    train(model_job(folder, dataset), folder / "checkpoints")
    return digests(folder)


@pytest.mark.parametrize("way", WAYS)
def test_a_training_that_died_ends_with_the_same_bits(
    tmp_path, dataset, of_teacher, control, monkeypatch, way
):
    (objective, parameters), changes, kept = WAYS[way]
    learnt = catalog.OBJECTIVES[objective].settings(parameters)
    settings = changed(SETTINGS, objective=learnt, **changes)

    def run(name):
        job = model_job(tmp_path / name, dataset, settings, **of_teacher[kept])
        train(job, tmp_path / f"checkpoints-{name}")
        return job.folder

    whole = run("whole")
    dies_at(monkeypatch, 7, lambda: run("died"))
    died = run("died")
    assert resumed_from(died) == "epoch 2, batch 2"
    assert digests(died) == digests(whole) != control
