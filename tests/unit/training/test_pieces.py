"""A loss of a large vocabulary, a piece at a time, against autograd on all logits at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from distilscope import catalog, store
from distilscope.data.texts import load
from distilscope.models.build import build
from distilscope.training import pieces, rows, texts
from distilscope.training.making import loss_of
from distilscope.training.rows import Projected
from distilscope.training.texts import AtTargets, Items
from distilscope.training.train_texts import train

from ..observing.language import ARCHITECTURE
from .making import changed
from .texts_making import RECIPE, SETTINGS, make_texts, model_job

ROWS, WIDTH, VOCABULARY = 23, 6, 50
SGD = {"name": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 0.0, "nesterov": False}
OBJECTIVES = {
    "ce": {},
    "kd": {"T": 2.0, "alpha": 0.7},
    "reverse-kl": {"T": 2.0, "alpha": 0.7},
    "jsd": {"beta": 0.3, "T": 2.0, "alpha": 1.0},
    "logit-matching": {"alpha": 0.5},
}


def objective(name):
    return loss_of(catalog.OBJECTIVES[name].settings(OBJECTIVES[name]), {})


@pytest.fixture
def small_pieces(monkeypatch):
    """Five rows of 50 tokens a piece, of which the last is not full."""
    monkeypatch.setattr(rows, "PIECE", 5 * VOCABULARY)


def made(seed=0):
    random = torch.Generator().manual_seed(seed)
    states = torch.randn(ROWS, WIDTH, generator=random)
    head = nn.Linear(WIDTH, VOCABULARY)
    with torch.no_grad():
        for each in head.parameters():
            each.copy_(torch.randn(each.shape, generator=random))
    labels = torch.randint(VOCABULARY, (ROWS,), generator=random)
    return states.requires_grad_(), head, labels


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("teacher", ["tensor", "projected"])
def test_loss_and_every_gradient_are_those_of_all_logits_at_once(small_pieces, name, teacher):
    states, head, labels = made()
    of_teacher, its_head, _ = made(1)
    its_head.requires_grad_(False)
    said = Projected.of(of_teacher.detach(), its_head, VOCABULARY).half()
    teachers = [said if teacher == "projected" else said.whole()] if OBJECTIVES[name] else []
    learnt = [states, *head.parameters()]
    plain = objective(name)(head(states), labels, [each.float() for each in map(_whole, teachers)])
    expected = torch.autograd.grad(3 * plain, learnt)
    loss = pieces.by_pieces(objective(name))(
        Projected.of(states, head, VOCABULARY), labels, teachers
    )
    found = torch.autograd.grad(3 * loss, learnt)
    torch.testing.assert_close(loss, plain)
    for own, other in zip(found, expected, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("how", ["losses", "logits", "probabilities"])
def test_a_committee_acts_alike_by_pieces_and_at_once(small_pieces, how):
    states, head, labels = made()
    settings = catalog.OBJECTIVES["kd"].settings(OBJECTIVES["kd"], how)
    loss = pieces.by_pieces(loss_of(settings, {}))
    committee = [Projected.of(*made(seed)[:2], VOCABULARY).half() for seed in (1, 2)]
    for each in committee:
        each.head.requires_grad_(False)
    committee = [each.detach() for each in committee]
    logits = Projected.of(states, head, VOCABULARY)
    found, expected = loss(logits, labels, committee), loss(logits.whole(), labels, committee)
    torch.testing.assert_close(found, expected)


def _whole(said):
    return said if isinstance(said, torch.Tensor) else said.whole()


def test_logits_that_are_there_go_to_the_loss_as_they_are():
    states, head, labels = made()
    logits, teacher = head(states), torch.randn(ROWS, VOCABULARY).half()
    whole = objective("kd")
    assert torch.equal(
        pieces.by_pieces(whole)(logits, labels, [teacher]), whole(logits, labels, [teacher])
    )


class Largest(TorchDispatchMode):
    """The largest tensor, in numbers, that any operation makes."""

    def __init__(self):
        super().__init__()
        self.numbers = 0

    @classmethod
    def _should_skip_dynamo(cls):
        return False

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        made = operation(*args, **(kwargs or {}))
        for each in made if isinstance(made, tuple | list) else [made]:
            if isinstance(each, torch.Tensor):
                self.numbers = max(self.numbers, each.numel())
        return made


def test_no_tensor_of_a_step_is_larger_than_a_piece_or_the_head(monkeypatch):
    """400 rows of 50 logits: 20,000 numbers at once, and 250 in a piece."""
    monkeypatch.setattr(rows, "PIECE", 5 * VOCABULARY)
    states, labels = torch.randn(400, 2, requires_grad=True), torch.randint(50, (400,))
    head = nn.Linear(2, VOCABULARY)
    teacher = Projected.of(torch.randn(400, 2), nn.Linear(2, 50).requires_grad_(False), 50)
    counted = {}
    for how in ("pieces", "at once"):
        with Largest() as largest:
            logits = Projected.of(states, head, VOCABULARY)
            loss = pieces.by_pieces(objective("jsd"))
            if how == "pieces":
                loss(logits, labels, [teacher.half()]).backward()
                logits.detach().argmax(dim=1)
            else:
                loss(logits.whole(), labels, [teacher.half()]).backward()
        counted[how] = largest.numbers
    assert counted == {"pieces": 2 * 400, "at once": 400 * VOCABULARY}


def test_what_a_loss_saw_as_largest_stays_when_the_head_is_moved(small_pieces):
    """The loop counts what is right behind the step of the optimiser."""
    states, head, labels = made()
    logits = Projected.of(states, head, VOCABULARY)
    expected = logits.argmax(dim=1)
    assert torch.equal(expected, head(states).argmax(dim=1))
    pieces.by_pieces(objective("ce"))(logits, labels, []).backward()
    with torch.no_grad():
        head.weight.neg_()
    assert torch.equal(logits.detach().argmax(dim=1), expected)


def test_products_are_made_in_the_type_that_autocast_has_where_the_logits_begin():
    states, head, _ = made()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, expected = Projected.of(states, head, VOCABULARY), head(states)
    assert logits.piece(slice(2, 4)).dtype == torch.bfloat16
    assert torch.equal(logits.piece(slice(2, 4)), expected[2:4])
    assert Projected.of(states, head, VOCABULARY).whole().dtype == torch.float32


# ------------------------------------------------------------------------------ a whole training


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_texts(tmp_path_factory.mktemp("texts"))


def architecture(tied):
    return changed(ARCHITECTURE, settings__tied=tied)


@pytest.mark.parametrize("tied", [True, False])
def test_a_model_gives_the_same_logits_through_its_hidden_states(dataset, tied, monkeypatch):
    loaded = load(dataset)
    learner = AtTargets(build(architecture(tied), loaded.vocabulary))
    shown = Items.of(loaded, RECIPE).whole
    assert isinstance(learner(shown), torch.Tensor)
    monkeypatch.setattr(rows, "LARGE", 50)
    found = learner(shown)
    assert isinstance(found, Projected) and len(found) == len(shown.labels)
    torch.testing.assert_close(found.whole(), learner.at_once(shown))
    torch.testing.assert_close(found.argmax(dim=1), learner.at_once(shown).argmax(dim=1))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_training_by_pieces_is_that_of_all_logits_to_rounding(
    tmp_path, dataset, tied, precision, monkeypatch
):
    """A teacher that is asked at each step, and held-out items in smaller batches."""
    settings = changed(
        SETTINGS,
        architecture=architecture(tied),
        precision=precision,
        recipe__optimizer=SGD,
        objective=catalog.OBJECTIVES["kd"].settings({"T": 2.0, "alpha": 0.5}),
    )
    teacher = tmp_path / "teacher"
    train(model_job(teacher, dataset, changed(SETTINGS, seed=8)), teacher / "checkpoints")
    found = {}
    for how in ("at once", "pieces"):
        if how == "pieces":
            monkeypatch.setattr(rows, "LARGE", 50)
            monkeypatch.setattr(texts, "LOGITS", 2000)
            monkeypatch.setattr(rows, "PIECE", 1000)
        job = model_job(tmp_path / how, dataset, settings, teachers=[str(teacher)])
        train(job, tmp_path / how / "checkpoints")
        weights = store.read_tensors(job.folder / "weights.safetensors")
        history = store.read_table(job.folder / "history.parquet").to_numpy()
        found[how] = weights, history
    (weights, history), (others, same) = found["at once"], found["pieces"]
    close = {"fp32": 1e-4, "bf16": 2e-2}[precision]
    for name, each in weights.items():
        np.testing.assert_allclose(others[name], each, rtol=0, atol=close)
    np.testing.assert_allclose(same, history, rtol=close, atol=close)
