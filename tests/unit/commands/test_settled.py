"""A study finds the results that it has: at another precision, and under another name."""

from __future__ import annotations

from pathlib import Path

import pytest

from distilscope import store
from distilscope.commands.verify import verify
from distilscope.configuration.study import parse
from distilscope.planning.artefact import STORE
from distilscope.planning.state import StoreState
from distilscope.workflow import settled
from distilscope.workflow.settled import settle

from ...workflow.clone import REPOSITORY
from ...workflow.editing import both, put
from .made import made, write

BF16, AUTO = put("precision", "bf16"), put("precision", "auto")


@pytest.fixture
def machine(monkeypatch):
    """The precision that the machine is best at."""
    answer = ["fp32"]
    monkeypatch.setattr(settled, "precision_here", lambda device: answer[0])
    return answer


def here(*edits):
    return settle(parse(write(both(*edits))), "cpu", REPOSITORY)


def kinds(study):
    return sorted({artefact.kind for artefact in StoreState(study).to_make().artefacts})


def without_floor(raw):
    raw["floors"] = []


@pytest.mark.parametrize(
    "edit",
    [put("study", "renamed"), without_floor, put("grid", 0, "T", [2])],
    ids=["renamed", "a model less", "a T less"],
)
def test_results_of_a_machine_with_bf16_are_kept_on_one_without(machine, capsys, edit):
    made(write(BF16))
    study = here(AUTO, edit)
    assert study.precision == "bf16"
    assert kinds(study) == ["figures", "report", "tables"]
    said = capsys.readouterr().err
    assert "precision: auto is bf16" in said
    assert "set `precision: fp32` to train them anew" in said


def test_a_study_that_shares_its_teacher_does_not_train_it_again(machine):
    made(write(BF16))
    study = here(
        AUTO, put("study", "other"), put("grid", 0, "T", [7]), put("grid", 1, "seeds", [9])
    )
    assert study.precision == "bf16"
    models = [a.slug for a in StoreState(study).to_make().artefacts if a.kind == "model"]
    assert not [slug for slug in models if slug.startswith("resnet18")]


def test_more_models_outweigh_fewer_and_a_precision_that_is_set_everything(machine):
    made(write())
    made(write(both(BF16, put("grid", []), put("students", {}), put("floors", []))))
    assert here(AUTO, put("study", "other")).precision == "fp32"
    assert here(BF16).precision == "bf16"


def test_where_nothing_exists_the_machine_decides_once_for_a_study(machine):
    """The nodes of a cluster work it out again, and one may be of another kind."""
    assert here(AUTO).precision == "fp32"
    machine[0] = "bf16"
    assert here(AUTO).precision == "fp32"
    assert here(AUTO, put("study", "other")).precision == "bf16"


@pytest.mark.parametrize("content", ["{}", "[]", '{"precision": "fp64"}', "{"])
def test_an_odd_memory_is_none(machine, content):
    kept = STORE / "resolved" / "small.json"
    store.write_text(kept, content)
    assert here(AUTO).precision == "fp32"
    assert store.read_json(kept)["precision"] == "fp32"


def relabelled(raw):
    """The student `tiny` is called `mini`, and the teacher `big`."""
    raw["students"]["mini"] = raw["students"].pop("tiny")
    raw["teachers"]["big"] = raw["teachers"].pop("resnet18")
    for entry in raw["grid"]:
        entry["students"] = ["mini" if name == "tiny" else name for name in entry["students"]]
    raw["floors"] = ["mini"]


def test_another_label_trains_and_measures_nothing(machine):
    before = made(write())
    study = here(relabelled)
    assert kinds(study) == ["figures", "report", "tables"]
    folder = study.by_id["mini-ce-s1"].artefact.folder
    assert folder.name.startswith("mini-ce-s1.")
    assert verify().damaged == []
    assert before.by_id["tiny-ce-s1"].artefact.folder.is_dir()
    assert kinds(here()) == []


def test_a_result_that_is_not_whole_is_not_taken(machine):
    before = made(write())
    (before.by_id["tiny-ce-s1"].artefact.folder / "run.json").unlink()
    models = [a.slug for a in StoreState(here(relabelled)).to_make().artefacts if a.kind == "model"]
    assert models == ["mini-ce-s1"]


def test_a_link_in_the_store_is_not_taken_for_a_result(machine, tmp_path):
    folder = made(write()).by_id["tiny-ce-s1"].artefact.folder
    folder.rename(tmp_path / "elsewhere")
    Path(folder).symlink_to(tmp_path / "elsewhere")
    models = [a.slug for a in StoreState(here(relabelled)).to_make().artefacts if a.kind == "model"]
    assert models == ["mini-ce-s1"]
