import dataclasses
import errno
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from distilscope import store
from distilscope.training import checkpoint, loop
from distilscope.training.checkpoint import CheckpointError, Keeper
from distilscope.training.loop import TrainingError
from distilscope.training.train import train
from distilscope.workflow import interrupt
from distilscope.workflow.unchanged import ChangedSincePlan

from .dying import Died, at_step, die, digests, resumed_from
from .making import ADAMW, SETTINGS, changed, kd, model_job

STEPS = 15
DROPOUT = {"builder": f"{__package__}.test_train:WithDropout"}
IDENTITY = "0123456789ab"


@pytest.fixture
def always_due(monkeypatch):
    monkeypatch.setattr(Keeper, "due", lambda self, *, epoch_ended: True)


# ------------------------------------------------------------------------- to the same bits


@pytest.mark.parametrize("step", range(1, STEPS))
def test_a_run_that_dies_at_any_step_ends_with_the_same_bits(
    tmp_path, dataset, undisturbed, always_due, monkeypatch, step
):
    job, checkpoints = model_job(tmp_path / "net", dataset), tmp_path / "checkpoints"
    with monkeypatch.context() as patched:
        at_step(patched, step, die)
        with pytest.raises(Died):
            train(job, checkpoints)
    assert not (job.folder / "weights.safetensors").exists()
    train(job, checkpoints)
    assert digests(job.folder) == undisturbed(SETTINGS)
    assert resumed_from(job.folder) == f"epoch {step // 5 + 1}, batch {step % 5}"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, dataset):
    """Digests of a run of these settings that nothing disturbed."""
    known = {}

    def run(settings, **inputs):
        key = store.canonical_json(settings)
        if key not in known:
            folder = tmp_path_factory.mktemp("undisturbed")
            train(model_job(folder, dataset, settings, **inputs), folder / "checkpoints")
            known[key] = digests(folder)
        return known[key]

    return run


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "bf16"},
        {"objective": kd()},
        {"architecture": DROPOUT},
        {"recipe__optimizer": ADAMW},
    ],
    ids=["bf16", "kd", "dropout", "adamw"],
)
def test_bf16_distillation_dropout_and_adamw_resume_to_the_same_bits(
    tmp_path, dataset, targets, undisturbed, always_due, monkeypatch, changes
):
    settings = changed(**changes)
    inputs = {"targets": [str(targets)]} if "objective" in changes else {}
    job = model_job(tmp_path / "net", dataset, settings, **inputs)
    with monkeypatch.context() as patched:
        at_step(patched, 8, die)
        with pytest.raises(Died):
            train(job, tmp_path / "checkpoints")
    train(job, tmp_path / "checkpoints")
    assert digests(job.folder) == undisturbed(settings, **inputs)


def test_a_kill_inside_a_checkpoints_write_loses_one_interval(tmp_path, dataset, undisturbed):
    """A write renames the digest, then the checkpoint; the kill is between the two of the fifth."""
    job, checkpoints = model_job(tmp_path / "net", dataset), tmp_path / "checkpoints"
    script = Path(__file__).with_name("killed.py")
    command = [sys.executable, script, job.to_json(), checkpoints, "10"]
    killed = subprocess.run(command, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert len(list(checkpoints.rglob("*.safetensors.sha256"))) == 2
    train(job, checkpoints)
    assert digests(job.folder) == undisturbed(SETTINGS)
    assert resumed_from(job.folder) == "epoch 1, batch 4"


def test_checkpoints_are_removed_when_the_model_is_finished(tmp_path, dataset, always_due):
    train(model_job(tmp_path / "net", dataset), tmp_path / "checkpoints")
    assert list((tmp_path / "checkpoints").iterdir()) == []


# -------------------------------------------------------------------------------- signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_a_checkpoint_and_a_sentence(
    tmp_path, dataset, undisturbed, monkeypatch, caplog, number
):
    job, handlers = model_job(tmp_path / "net", dataset), signal.getsignal(number)
    with monkeypatch.context() as patched:
        at_step(patched, 6, lambda: os.kill(os.getpid(), number))
        with pytest.raises(interrupt.Interrupted) as stopped:
            train(job, tmp_path / "checkpoints")
    assert stopped.value.code == 128 + number
    assert signal.getsignal(number) == handlers
    name = signal.Signals(number).name
    assert f"net: stopped by {name} in epoch 2 of 3 after batch 2 of 5" in caplog.text
    assert str(tmp_path / "checkpoints" / f"net.{IDENTITY}") in caplog.text
    train(job, tmp_path / "checkpoints")
    assert resumed_from(job.folder) == "epoch 2, batch 2"
    assert digests(job.folder) == undisturbed(SETTINGS)


def test_a_signal_during_the_evaluation_is_answered_before_it_ends(
    tmp_path, dataset, undisturbed, monkeypatch
):
    job, evaluate = model_job(tmp_path / "net", dataset), loop.evaluate

    def interrupted(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        evaluate(*arguments)
        pytest.fail("the evaluation went on")

    with monkeypatch.context() as patched:
        patched.setattr(loop, "evaluate", interrupted)
        with pytest.raises(interrupt.Interrupted):
            train(job, tmp_path / "checkpoints")
    train(job, tmp_path / "checkpoints")
    assert resumed_from(job.folder) == "epoch 1, batch 5"
    assert digests(job.folder) == undisturbed(SETTINGS)


# ----------------------------------------------------------------------- whose and how whole


def interrupted_run(tmp_path, dataset, monkeypatch, step=6, identity=IDENTITY):
    job = model_job(tmp_path / "net", dataset, identity=identity)
    with monkeypatch.context() as patched:
        at_step(patched, step, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(interrupt.Interrupted):
            train(job, tmp_path / "checkpoints")
    return tmp_path / "checkpoints" / f"net.{identity}"


def test_another_models_checkpoint_is_refused(tmp_path, dataset, monkeypatch):
    folder = interrupted_run(tmp_path, dataset, monkeypatch, identity="f" * 12)
    folder.rename(folder.with_name(f"net.{IDENTITY}"))
    with pytest.raises(CheckpointError, match=f"identity {'f' * 12}.*not of net.*rm -r"):
        train(model_job(tmp_path / "net", dataset), tmp_path / "checkpoints")


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "no digest"])
def test_a_damaged_checkpoint_is_passed_over(
    tmp_path, dataset, undisturbed, monkeypatch, caplog, damage
):
    folder = interrupted_run(tmp_path, dataset, monkeypatch)
    (good,) = folder.glob("*.safetensors")
    content = good.read_bytes()
    newer = folder / "000001-00000004.safetensors"
    spoilt = {
        "truncated": content[:-100],
        "flipped": content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
        "empty": b"",
        "no digest": content,
    }
    newer.write_bytes(spoilt[damage])
    if damage != "no digest":
        newer.with_name(newer.name + ".sha256").write_text(
            f"{store.digest_bytes(content)}  {newer.name}\n"
        )
    train(model_job(tmp_path / "net", dataset), tmp_path / "checkpoints")
    assert "an unfinished checkpoint is passed over" in caplog.text
    assert resumed_from(tmp_path / "net") == "epoch 2, batch 2"
    assert digests(tmp_path / "net") == undisturbed(SETTINGS)


def test_a_checkpoint_of_another_format_is_passed_over(tmp_path, dataset, undisturbed, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "FORMAT", 0)
        interrupted_run(tmp_path, dataset, patched)
    train(model_job(tmp_path / "net", dataset), tmp_path / "checkpoints")
    assert resumed_from(tmp_path / "net") is None
    assert digests(tmp_path / "net") == undisturbed(SETTINGS)


def test_a_loss_that_is_not_finite_is_never_checkpointed(
    tmp_path, dataset, always_due, monkeypatch
):
    settings = changed(recipe__optimizer__lr=1e30)
    with pytest.raises(TrainingError):
        train(model_job(tmp_path / "net", dataset, settings), tmp_path / "checkpoints")
    for path in (tmp_path / "checkpoints").rglob("*.safetensors"):
        assert np.isfinite(store.read_tensors(path)["sums"]).all()


def test_a_full_disk_fails_the_job_with_the_folder(tmp_path, dataset, always_due, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store, "write_tensors", full)
    with pytest.raises(CheckpointError, match=r"can't be written to .*No space left.*run again"):
        train(model_job(tmp_path / "net", dataset), tmp_path / "checkpoints")


def test_the_log_says_where_a_run_goes_on(tmp_path, dataset, monkeypatch, caplog):
    interrupted_run(tmp_path, dataset, monkeypatch)
    with caplog.at_level(logging.INFO, "distilscope"):
        train(model_job(tmp_path / "net", dataset), tmp_path / "checkpoints")
    assert "net: goes on from its checkpoint (epoch 2, batch 2)" in caplog.text


class Edited:
    """Stands for a watch whose files change while step 7 is done."""

    changed = False

    def confirm(self):
        if self.changed:
            raise ChangedSincePlan("the source was edited")


def test_no_run_goes_on_from_a_checkpoint_that_an_edited_source_made(
    tmp_path, dataset, undisturbed, always_due, monkeypatch
):
    """It would write other weights under the old identity once the source is put back."""
    job, checkpoints, watch = (
        model_job(tmp_path / "net", dataset),
        tmp_path / "checkpoints",
        Edited(),
    )
    with monkeypatch.context() as patched:
        at_step(patched, 7, lambda: setattr(watch, "changed", True))
        with pytest.raises(ChangedSincePlan):
            train(dataclasses.replace(job, watch=watch), checkpoints)
    train(job, checkpoints)
    assert digests(job.folder) == undisturbed(SETTINGS)
    assert resumed_from(job.folder) == "epoch 2, batch 2"
