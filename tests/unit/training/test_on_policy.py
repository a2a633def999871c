"""Texts that a student writes itself while it learns: what they are, and what is learnt of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from torch import nn

from distilscope import catalog, store
from distilscope.data.texts import load
from distilscope.models import sources
from distilscope.training import runtime, train_texts
from distilscope.training.own_texts import OwnTexts
from distilscope.training.signals import SignalError
from distilscope.training.texts import AtTargets, Items
from distilscope.training.train_texts import train

from .dying import dies_at, digests, resumed_from
from .making import changed, digest
from .texts_making import SETTINGS, make_teacher, make_texts, model_job


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_texts(tmp_path_factory.mktemp("texts"))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory, dataset):
    return make_teacher(tmp_path_factory.mktemp("teacher"), dataset)


def learnt(objective, **parameters):
    return changed(SETTINGS, objective=catalog.OBJECTIVES[objective].settings(parameters))


def gkd(on_policy, beta=0.5, T=1.0):
    return learnt("gkd", beta=beta, T=T, on_policy=on_policy)


def own_texts(texts, share=1.0, positions="answer", seed=3):
    items = Items.of(texts, {"positions": positions, "taught": "gold"})
    return OwnTexts(items, share, seed, "fp32", texts.longest_target, texts.end, texts.pad)


class Echo(nn.Module):
    """Behind a prompt it says its last tokens backwards, as many as the first token's number is."""

    def __init__(self, end, pad):
        super().__init__()
        self.end, self.pad, self.modes = end, pad, []

    def said(self, prompt):
        return prompt[::-1][: 1 + len(prompt) % 3]

    def sampled(self, prompts, real, most, end, pad):
        self.modes.append(self.training)
        rows = []
        for row, kept in zip(prompts.tolist(), real.tolist(), strict=True):
            assert kept == sorted(kept)  # filled up at the left
            said = [*self.said([t for t, k in zip(row, kept, strict=True) if k]), end]
            rows.append(said + [pad] * (most - len(said)))
        return torch.tensor(rows)


@pytest.mark.parametrize("positions", ["answer", "all"])
def test_prompts_are_followed_by_what_the_student_says_up_to_its_end_sign(dataset, positions):
    texts = load(dataset)
    own, echo = own_texts(texts, positions=positions), Echo(texts.end, texts.pad)
    learner, split, rows = AtTargets(echo).train(), texts.split("train"), torch.tensor([33, 2, 17])
    written = own.written(learner, rows)
    expected = []
    for row in rows.tolist():
        prompt = split.tokens[row, : split.start[row]].tolist()
        expected.append([*prompt, *echo.said(prompt), texts.end])
    for tokens, length, wanted in zip(written.tokens, written.length, expected, strict=True):
        assert tokens[:length].tolist() == wanted
        assert set(tokens[length:].tolist()) <= {texts.pad}
    starts = split.start[rows] if positions == "answer" else torch.ones(3, dtype=torch.int64)
    assert torch.equal(written.first, starts)
    assert own.labels_of(written).tolist() == [-1] * len(written.labels)
    assert echo.modes == [False] and learner.training and echo.training


def test_a_text_without_an_end_is_learnt_as_far_as_it_goes(dataset):
    texts = load(dataset)

    class Endless(Echo):
        def sampled(self, prompts, real, most, end, pad):
            return torch.full((len(prompts), most), end + 1)

    written = own_texts(texts).written(AtTargets(Endless(0, 0)), torch.tensor([5, 20]))
    assert written.counts.tolist() == [texts.longest_target] * 2
    assert (written.labels == texts.end + 1).all()


def test_which_batches_are_the_students_own_is_a_function_of_seed_and_step(dataset):
    texts = load(dataset)
    small, large, other = (own_texts(texts, s, seed=n) for s, n in ((0.3, 1), (0.7, 1), (0.3, 2)))
    due = [{step for step in range(2000) if own.due(step)} for own in (small, large, other)]
    assert due[0] < due[1] and due[0] != due[2]
    shares = [len(each) / 2000 for each in due]
    assert shares == pytest.approx([0.3, 0.7, 0.3], abs=0.04)  # four standard errors
    assert all(own_texts(texts, 1.0).due(step) for step in range(50))


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_a_student_that_writes_nothing_itself_is_that_of_jsd_bit_for_bit(
    tmp_path, dataset, teacher, beta
):
    for name, settings in (
        ("gkd", gkd(0.0, beta=beta, T=2.0)),
        ("jsd", learnt("jsd", beta=beta, T=2.0, alpha=1.0)),
    ):
        job = model_job(tmp_path / name, dataset, settings, teachers=[str(teacher)])
        train(job, tmp_path / "checkpoints")
    assert digest(tmp_path / "gkd") == digest(tmp_path / "jsd")
    history = [digest(tmp_path / name, "history.parquet") for name in ("gkd", "jsd")]
    assert history[0] == history[1]


def by_hand(student, teacher, beta):
    """JSD of two rows of logits, in float64."""
    own, target = log_softmax(student, axis=-1), log_softmax(teacher, axis=-1)
    mixture = np.log(beta * np.exp(target) + (1 - beta) * np.exp(own))
    return sum(
        weight * (np.exp(each) * (each - mixture)).sum()
        for weight, each in ((beta, target), (1 - beta, own))
    )


def test_the_loss_of_own_texts_is_the_divergence_at_their_tokens_text_by_text(
    tmp_path, dataset, teacher
):
    texts, beta = load(dataset), 0.3
    settings = changed(gkd(1.0, beta=beta), recipe__epochs=1, recipe__batch=64)
    job = model_job(tmp_path, dataset, settings, teachers=[str(teacher)])
    model, _ = train_texts.model_of(job, texts)
    expert, task = sources.load(teacher, texts.vocabulary), train_texts.task_of(job, texts)
    (rows,) = task.plan.epoch(0, torch.device("cpu")).batches
    with runtime.generators_restored(torch.device("cpu")):
        runtime.seed_step(settings["seed"], 0, torch.device("cpu"))
        written = task.own.written(AtTargets(model), rows)
    losses = []
    for tokens, first, length in zip(written.tokens, written.first, written.length, strict=True):
        alone = tokens[None, :length]
        with torch.no_grad():
            both = model(alone)[0].double().numpy(), expert(alone)[0].double().numpy()
        losses += [by_hand(both[0][at], both[1][at], beta) for at in range(first - 1, length - 1)]
    train(job, tmp_path / "checkpoints")
    history = store.read_table(tmp_path / "history.parquet")
    assert history["loss"].item() == pytest.approx(np.mean(losses), rel=2e-3)  # fp16 of a teacher
    assert np.isnan(history["train_accuracy"].item())  # there was nothing to be right about
    assert np.isfinite(history["held_out_accuracy"].item())


def test_accuracy_is_of_the_texts_that_are_given(tmp_path, dataset, teacher, monkeypatch):
    """A student that writes every second batch: as many labels as the others have tokens."""
    monkeypatch.setattr(OwnTexts, "due", lambda self, step: step % 2 == 1)
    seen = []

    def loss(logits, labels, teachers, **parameters):
        seen.append(labels)
        return logits.float().square().mean()

    monkeypatch.setattr("distilscope.training.objectives.gkd.loss", loss)
    settings = changed(gkd(0.5), recipe__epochs=1, recipe__optimizer__lr=1e-12)
    train(model_job(tmp_path, dataset, settings, teachers=[str(teacher)]), tmp_path / "checkpoints")
    assert [bool((labels < 0).all()) for labels in seen] == [step % 2 == 1 for step in range(5)]
    texts = load(dataset)
    task = train_texts.task_of(model_job(tmp_path, dataset, settings), texts)
    model, _ = train_texts.model_of(model_job(tmp_path, dataset, settings), texts)
    right = []
    for step, rows in enumerate(task.plan.epoch(0, torch.device("cpu")).batches):
        if step % 2 == 0:
            shown = task.inputs.shown(rows, rows)
            right += (AtTargets(model)(shown).argmax(dim=1) == shown.labels).tolist()
    accuracy = store.read_table(tmp_path / "history.parquet")["train_accuracy"].item()
    assert accuracy == pytest.approx(np.mean(right))


def test_a_training_that_died_among_own_texts_ends_with_the_same_bits(
    tmp_path, dataset, teacher, monkeypatch
):
    settings = gkd(0.6)
    job = model_job(tmp_path / "whole", dataset, settings, teachers=[str(teacher)])
    train(job, tmp_path / "checkpoints")
    job = model_job(tmp_path / "died", dataset, settings, teachers=[str(teacher)])
    dies_at(monkeypatch, 7, lambda: train(job, tmp_path / "checkpoints"))
    train(job, tmp_path / "checkpoints")
    assert resumed_from(job.folder) == "epoch 2, batch 2"
    own = own_texts(load(dataset), 0.6)
    assert 0 < sum(own.due(step) for step in range(7)) < 7
    assert digests(job.folder) == digests(tmp_path / "whole")


def test_own_texts_make_another_student(tmp_path, dataset, teacher):
    for share in (0.0, 1.0):
        job = model_job(tmp_path / str(share), dataset, gkd(share), teachers=[str(teacher)])
        train(job, tmp_path / "checkpoints")
    assert digest(tmp_path / "0.0") != digest(tmp_path / "1.0")


def test_a_table_that_can_not_know_own_texts_is_refused(tmp_path, dataset):
    job = model_job(tmp_path, dataset, gkd(0.5), targets=["anywhere"])
    with pytest.raises(SignalError, match="no logits of what the student writes"):
        train_texts.task_of(job, load(dataset))
