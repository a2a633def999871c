"""The training loop on what are no images: rows of tokens, shown as they are or backwards."""

import logging

import torch
from torch import nn

from distilscope.training.batches import BatchPlan
from distilscope.training.checkpoint import Keeper
from distilscope.training.loop import HISTORY, Task, fit
from distilscope.training.objectives import ce, kd
from distilscope.training.signals import OnlineTeacher

from .making import RECIPE, changed

WORDS, LENGTH = 12, 5


class Sentences:
    """A sentence is of class 1 where most of its words are from the second half."""

    unit = "sentences"

    def __init__(self):
        draw = torch.Generator().manual_seed(3)
        self.words = torch.randint(0, WORDS, (80, LENGTH), generator=draw)
        self.labels = ((self.words >= WORDS // 2).sum(dim=1) > LENGTH // 2).long()
        self.held_out = [(self.words[64:], self.labels[64:])]

    @property
    def device(self):
        return self.words.device

    def labels_of(self, rows):
        return self.labels[rows]

    def shown(self, rows, view_ids):
        words = self.words[rows]
        return torch.where((view_ids == 1)[:, None], words.flip(1), words)

    def to_model(self, examples):
        return examples


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.embedding, self.head = nn.Embedding(WORDS, 8), nn.Linear(8, 2)

    def forward(self, words):
        return self.head(self.embedding(words).mean(dim=1))


def fitted(tmp_path, objective, signals=()):
    recipe = changed(RECIPE, epochs=12, optimizer__lr=0.5)
    plan = BatchPlan(torch.arange(64), recipe, seed=1)
    model = Bag()
    task = Task("bag", Sentences(), plan, objective, signals, recipe, seed=1, precision="fp32")
    state, _ = fit(model, task, Keeper(tmp_path, "bag", "0"))
    return model, dict(zip(HISTORY, state.history[-1], strict=True))


def test_the_loop_learns_sentences_and_calls_them_so(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    _, last = fitted(tmp_path, ce.loss)
    assert last["held_out_accuracy"] >= 0.9
    assert "sentences/s" in caplog.text
    assert "image" not in caplog.text


def test_a_teacher_of_sentences_is_asked_as_one_of_images_is(tmp_path):
    teacher, _ = fitted(tmp_path / "teacher", ce.loss)
    signal = OnlineTeacher(teacher, lambda words: words, "fp32")

    def only_the_teacher(logits, labels, teachers):
        return kd.loss(logits, labels, teachers, T=2.0, alpha=1.0)

    _, last = fitted(tmp_path / "student", only_the_teacher, [signal])
    assert last["held_out_accuracy"] >= 0.9
