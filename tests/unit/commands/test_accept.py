"""`make accept` carries over what differs by its source alone, and keeps the reason."""

from __future__ import annotations

import shutil

import pytest

from distilscope import store
from distilscope.__main__ import main
from distilscope.commands.plan import explain
from distilscope.commands.verify import verify
from distilscope.planning.state import StoreState
from distilscope.store import accepted

from ...workflow.clone import REPOSITORY
from ...workflow.editing import both, put
from ...workflow.edits import OPTIMIZER
from .made import finish, made, write

WHY = "renamed a variable"
KEPT = ("tables", "figures", "report")


def accept(why=WHY):
    return main(["accept", "--why", why])


def after_refactor(monkeypatch, *files, edit=lambda raw: None):
    """The study after its results were made and these modules were edited."""
    from .made import edited

    edited(monkeypatch, *files)
    return made(write(edit), with_results=False)


def left(study):
    return sorted(f"{a.kind} {a.slug}" for a in StoreState(study).to_make().artefacts)


def test_after_accepting_only_the_end_of_the_study_is_left(monkeypatch, capsys):
    before = made(write())
    study = after_refactor(monkeypatch, "objectives/kd.py")
    assert any(job.startswith("model") for job in left(study))
    assert accept() == 0
    assert left(study) == [f"{kind} small" for kind in sorted(KEPT)]
    assert "  12 results are there that the published study has not used" in explain(
        study, REPOSITORY
    )
    said = capsys.readouterr().out
    assert "12 results carried over; edited: distilscope.training.objectives.kd." in said
    old, new = (s.by_id["tiny-kd-T2-a0.9-s1"].artefact.folder for s in (before, study))
    weights = "weights.safetensors"
    assert old != new
    assert (old / weights).read_bytes() == (new / weights).read_bytes()
    assert verify().damaged == []


def test_the_reason_stands_beside_each_result_for_as_long_as_it_is_true(monkeypatch):
    before = made(write())
    study = after_refactor(monkeypatch, "objectives/kd.py")
    accept()
    old, new = (s.by_id["tiny-kd-T2-a0.9-s1"].artefact for s in (before, study))
    (entry,) = accepted.read(new.folder)
    assert entry["why"] == WHY
    assert entry["from"] == old.identity
    assert entry["changed"] == ["distilscope.training.objectives.kd"]
    assert accepted.read(study.by_id["tiny-ce-s1"].artefact.folder) == []
    run = store.read_json(new.folder / "run.json")
    assert (run["identity"], run["facts"]) == (new.identity, {"accuracy": 0.5})
    finish(study, new)
    store.write_json(new.folder / "run.json", {**run, "facts": {"accuracy": 0.6}})
    assert accepted.read(new.folder) == []


def test_what_also_differs_in_its_settings_is_computed(monkeypatch, capsys):
    made(write())
    edit = put("students", "tiny", "override", {"optimizer": {"lr": 0.05}})
    study = after_refactor(monkeypatch, "training/train.py", edit=edit)
    accept()
    models = [job for job in left(study) if job.startswith("model")]
    assert models == [
        "model tiny-ce-s1",
        "model tiny-kd-T2-a0.9-s1",
        "model tiny-kd-T4-a0.9-s1",
    ]
    assert "differ in more than their source" in capsys.readouterr().out


def test_two_settings_that_were_swapped_are_no_refactor(monkeypatch):
    def swapped(raw):
        optimizer = raw["recipes"]["student"]["optimizer"]
        optimizer["lr"], optimizer["momentum"] = optimizer["momentum"], optimizer["lr"]

    made(write())
    study = after_refactor(monkeypatch, "training/train.py", edit=swapped)
    accept()
    assert len([job for job in left(study) if job.startswith("model")]) == 6


def test_an_older_result_than_the_published_one_is_not_taken(monkeypatch):
    """The loss was changed for good between two publications: the first is no candidate."""
    made(write())
    study = after_refactor(monkeypatch, "objectives/kd.py")
    for artefact in study.artefacts.values():
        finish(study, artefact)
    made(write())
    shutil.rmtree(study.by_id["tiny-kd-T2-a0.9-s1"].artefact.folder)
    after_refactor(monkeypatch, "observing/methods/gradcam.py")
    last = made(write(), with_results=False)
    accept()
    assert "model tiny-kd-T2-a0.9-s1" in left(last)


def test_a_second_refactor_is_carried_over_before_the_first_is_published(monkeypatch):
    made(write())
    after_refactor(monkeypatch, "objectives/kd.py")
    accept("the first")
    study = after_refactor(monkeypatch, "training/train.py")
    accept("the second")
    assert left(study) == [f"{kind} small" for kind in sorted(KEPT)]
    folder = study.by_id["tiny-kd-T2-a0.9-s1"].artefact.folder
    assert [entry["why"] for entry in accepted.read(folder)] == ["the first", "the second"]


def test_damaged_results_are_not_carried_over(monkeypatch, capsys):
    before = made(write())
    after_refactor(monkeypatch, "objectives/kd.py")
    weights = before.by_id["tiny-kd-T2-a0.9-s1"].artefact.folder / "weights.safetensors"
    weights.write_bytes(b"other")
    assert accept() == 1
    assert "digest differs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("published", "why", "sentence"),
    [(True, "  ", "say why the results stand"), (False, WHY, "holds no published study")],
)
def test_accepting_needs_a_reason_and_a_published_study(published, why, sentence, capsys):
    made(write(), with_results=published)
    assert accept(why) == 1
    assert sentence in capsys.readouterr().err


def test_nothing_is_carried_over_where_nothing_changed(capsys):
    made(write(both(put(*OPTIMIZER, "lr", 0.05))))
    assert accept() == 0
    assert "0 results carried over; edited: nothing." in capsys.readouterr().out


def of_committees(raw):
    """Students of committees of three: whatever is made anew, no member may change its place."""
    raw["teachers"]["resnet18"].update(seeds=[1, 2, 3, 4], twins=[5])
    members = [f"resnet18.{seed}" for seed in (1, 2, 3, 4)]
    committees = [[m for m in members if m != without] for without in members]
    shared = {"objective": "kd", "students": ["tiny"], "T": 2, "alpha": 0.9}
    raw["grid"] = [
        {**shared, "committee": committees, "combine": "logits"},
        {"objective": "ce", "students": ["tiny"]},
    ]
    raw["compare"] = ["teacher", "committee", "twin"]


def test_committees_are_carried_over_whatever_the_order_of_their_members(monkeypatch):
    made(write(of_committees))
    study = after_refactor(monkeypatch, "training/train.py", edit=of_committees)
    assert len([a for a in StoreState(study).to_make().artefacts if a.kind == "combined"]) == 4
    accept()
    assert left(study) == [f"{kind} small" for kind in sorted(KEPT)]


def test_results_whose_members_stood_in_another_order_are_carried_over(monkeypatch):
    before = made(write(of_committees))
    combined = [a for a in before.artefacts.values() if a.kind == "combined"]
    for artefact in combined:
        run = store.read_json(artefact.folder / "run.json")
        run["inputs"]["members"].reverse()
        store.write_json(artefact.folder / "run.json", run)
    study = after_refactor(monkeypatch, "training/train.py", edit=of_committees)
    accept()
    assert left(study) == [f"{kind} small" for kind in sorted(KEPT)]


def test_what_was_left_out_at_first_is_carried_over_by_a_second_word(monkeypatch):
    """Its inputs have their new identity by then, and it was computed from the old ones."""
    made(write())
    study = after_refactor(monkeypatch, "objectives/kd.py")
    accept("the first")
    carried = [a for a in study.artefacts.values() if accepted.read(a.folder)]
    later = [a for a in carried if a.kind in ("observation", "comparison")]
    assert 0 < len(later) < len(carried)
    for artefact in later:
        shutil.rmtree(artefact.folder)
    accept("the second")
    assert left(study) == [f"{kind} small" for kind in sorted(KEPT)]
