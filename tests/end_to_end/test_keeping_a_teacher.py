"""One study of every way to keep a teacher of texts, and of adapters, through Snakemake.

The students differ in nothing but where their teacher's logits come from; teacher and students are
tiny random models of two families with one tokenizer.
"""

from __future__ import annotations

import html
import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from scipy import special

from distilscope import store
from distilscope.planning.state import StoreState
from tests import hub_folders
from tests.reliability import studies

pytestmark = pytest.mark.long(2)

EPOCHS, K, RANK = 4, 8, 2
RECIPE = {
    "epochs": EPOCHS,
    "batch": 6,
    "optimizer": {"name": "adamw", "lr": 0.003},
    "positions": "all",
}
WAYS = {
    "whole": {"targets": "table"},
    "hidden": {"targets": "hidden"},
    "few": {"targets": "top-k", "top_k": K},
    "asked": {"targets": "online"},
    "adapted": {"targets": "hidden", "lora": {"rank": RANK, "alpha": 4, "modules": ["q_proj"]}},
}
"""Student -> what its recipe has besides."""


def configuration(folder):
    """Models, tokenizer and tasks lie in the study's own folder."""
    llama = hub_folders.write_model(folder / "llama", num_hidden_layers=3)
    qwen = hub_folders.write_model(folder / "qwen", model_type="qwen2", num_hidden_layers=2)
    tasks = hub_folders.write_tasks(folder / "tasks")

    def model(place, recipe):
        own = {"folder": str(place)}
        return {
            "architecture": "transformers", "settings": own, "init": str(place), "recipe": recipe
        }  # fmt: skip

    return {
        "study": "keeping",
        "title": "A tiny study of every way to keep a teacher",
        "seeds": [1],
        "precision": "fp32",
        "device": "cpu",
        "data": hub_folders.data(tasks, llama),
        "recipes": {"teacher": RECIPE} | {name: RECIPE | own for name, own in WAYS.items()},
        "teachers": {"tuned": model(llama, "teacher") | {"seeds": [101]}},
        "students": {name: model(qwen, name) for name in WAYS},
        "grid": [
            {"objective": "ce", "students": ["whole"]},
            {"objective": "kd", "students": [*WAYS], "T": 1, "alpha": 1},
        ],
        "observe": {"gram_batch": 4},
        "statistics": {"bootstrap": 100},
        "analyses": {"outputs": {}, "reasoning": {}},
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(folder, configuration, what was said) of the study, when Snakemake has run it."""
    folder = tmp_path_factory.mktemp("keeping")
    raw = configuration(folder)
    return folder, raw, studies.run_well(studies.begin(folder, raw), cores=2)


@pytest.fixture(scope="module")
def results(made):
    return made[0] / "results"


def student(results, name):
    (found,) = (results / "store/models").glob(f"{name}-kd-T1-a1-s1.*")
    return found


def table(results, keeps):
    """The folder of the teacher's table that keeps this."""
    (found,) = (
        path.parent
        for path in (results / "store/targets").glob("*/run.json")
        if json.loads(path.read_text())["settings"].get("keeps", "table") == keeps
    )
    return found


def weights(path):
    return {name: torch.from_numpy(each) for name, each in store.read_tensors(path).items()}


def test_every_student_has_its_rows(results):
    rows = pd.read_parquet(results / "keeping/measures.parquet")
    rows = rows[rows["task"].isna() & (rows["subset"] == "all")]
    for name in WAYS:
        own = rows[rows["model"] == f"{name}-kd-T1-a1-s1"].set_index("measure")["value"]
        for measure in ("token_kl", "choice_kl", "kl_teacher_student", "choice_accuracy"):
            assert np.isfinite(own[measure]), (name, measure)


def test_hidden_states_and_the_teacher_itself_teach_what_all_logits_teach(results):
    """A logit is off by a rounding to fp16; nothing else is."""
    columns = ["loss", "held_out_nll"]
    whole = store.read_table(student(results, "whole") / "history.parquet")[columns]
    rows = pd.read_parquet(results / "keeping/measures.parquet").set_index(["model", "measure"])
    rows = rows[rows["task"].isna() & (rows["subset"] == "all")]["value"]
    for name in ("hidden", "asked"):
        found = store.read_table(student(results, name) / "history.parquet")[columns]
        np.testing.assert_allclose(found, whole, rtol=2e-3)
        for measure in ("token_kl", "choice_kl"):
            np.testing.assert_allclose(
                rows[f"{name}-kd-T1-a1-s1", measure], rows["whole-kd-T1-a1-s1", measure], rtol=0.02
            )


def test_the_likeliest_tokens_alone_say_what_they_lose(made, results):
    facts = json.loads((table(results, "top-k") / "run.json").read_text())["facts"]
    logits = store.open_array(table(results, "table") / "logits.npy").astype(np.float64)
    tokens = store.open_array(table(results, "top-k") / "tokens.npy")
    mass = np.take_along_axis(special.softmax(logits, axis=1), tokens, axis=1).sum(axis=1)
    assert tokens.shape == (len(logits), K)
    assert facts["kept_mass"]["mean"] == pytest.approx(mass.mean(), abs=1e-3)
    note = f"the {K} tokens that are kept have {mass.mean():.1%} of the probability"
    report = html.unescape((results / "keeping/report.html").read_text())
    assert note in made[2] and note in report
    losses = [
        store.read_table(student(results, name) / "history.parquet")["loss"]
        for name in ("few", "whole")
    ]
    assert (losses[0] < losses[1]).all()  # a divergence of merged classes is less


def test_adapters_change_their_matrices_alone_and_by_their_rank(made, results):
    begun = {}
    for path in (made[0] / "qwen").glob("*.safetensors"):
        begun |= {f"network.{name}": each for name, each in load_file(path).items()}
    found = weights(student(results, "adapted") / "weights.safetensors")
    rows = len(found["network.model.embed_tokens.weight"])  # those behind are no token's
    changes = {name: found[name] - each[:rows] for name, each in begun.items()}
    changed = {name for name, each in changes.items() if each.any()}
    assert changed == {f"network.model.layers.{n}.self_attn.q_proj.weight" for n in range(2)}
    for name in changed:
        sizes = torch.linalg.svdvals(changes[name])
        assert sizes[RANK] < 1e-5 * sizes[0]


def test_a_second_run_makes_nothing(made, results):
    def times():
        return {path: path.stat().st_mtime_ns for path in (results / "store").rglob("*")}

    before = times()
    studies.run_well(made[0])
    assert times() == before


def anew(*names):
    return {f"model {name}-kd-T1-a1-s1" for name in names}


@pytest.mark.parametrize(
    ("recipe", "change", "expected"),
    [
        ("few", {"top_k": K + 1}, {"targets tuned-s101", *anew("few")}),
        ("adapted", {"lora": {"rank": 1, "alpha": 4, "modules": ["q_proj"]}}, anew("adapted")),
        ("hidden", {"targets": "online"}, anew("hidden")),  # the adapted one needs its table
        ("teacher", {"epochs": 1}, {"model tuned-s101", "targets tuned-s101", *anew(*WAYS)}),
    ],
)
def test_an_edit_makes_what_hangs_on_it_and_nothing_else(made, recipe, change, expected):
    folder, raw, _ = made
    recipes = {**raw["recipes"], recipe: raw["recipes"][recipe] | change}
    with studies.inside(folder):
        todo = StoreState(studies.plan({**raw, "recipes": recipes})).to_make()
    learnt = [each for each in todo.artefacts if each.kind in ("model", "targets")]
    assert {f"{each.kind} {each.slug}" for each in learnt} == expected
    assert todo.publish
