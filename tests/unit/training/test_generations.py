"""A teacher's own texts in the place of gold ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from distilscope import store
from distilscope.data import texts
from distilscope.data.tasks import generating, symbols
from distilscope.planning.job import Job
from distilscope.training import generations

from ..watched import stages
from .texts_making import make_teacher, make_texts

COUNTS = {"train": 9, "held-out": 1, "test": 2}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    found = generating.generate(["sort", "median"], COUNTS, seed=2, facts=8)
    texts.write(folder, found, symbols.tokenizer(), ["sort", "median"])
    return texts.load(folder)


class Backwards(nn.Module):
    """It says the last two tokens of the question in reverse, and an end if there is room."""

    def __init__(self, end):
        super().__init__()
        self.weight, self.end = nn.Parameter(torch.zeros(1)), end

    def continued(self, prompts, most, end, pad):
        said = prompts[:, [-2, -3]]
        ends = torch.full((len(prompts), 1), self.end)
        rest = torch.full((len(prompts), most - 3), pad)
        return torch.cat([said, ends, rest], dim=1)


def test_a_students_targets_are_what_its_teacher_said_to_the_same_prompts(loaded, tmp_path):
    gold = loaded.split("train")
    arrays, unended = generations.generated(Backwards(loaded.end), loaded)
    assert unended == 0
    store.write_tensors(tmp_path / "tokens.safetensors", arrays)
    own = generations.in_place_of(gold, tmp_path)
    assert own.indices.equal(gold.indices) and own.labels.equal(gold.labels)
    assert own.start.equal(gold.start)
    for row in range(len(gold)):
        start, length = int(own.start[row]), int(own.length[row])
        prompt = loaded.decode(gold.tokens[row, :start].tolist())
        words = prompt.split()
        assert loaded.decode(own.tokens[row, :start].tolist()) == prompt
        assert loaded.decode(own.tokens[row, start:length].tolist()).split() == [
            words[-2],
            words[-3],
            ".",
        ]
        assert (own.tokens[row, length:] == loaded.pad).all()


def test_texts_that_never_end_are_counted(loaded):
    arrays, unended = generations.generated(Backwards(end=loaded.encode("a")[0]), loaded)
    assert unended == len(loaded.split("train")) == len(arrays["index"])
    gold = loaded.split("train")
    assert int((arrays["length"] - arrays["start"]).max()) == int((gold.length - gold.start).max())


def test_texts_of_other_items_are_refused(loaded, tmp_path):
    arrays, _ = generations.generated(Backwards(loaded.end), loaded)
    arrays["index"] = np.roll(arrays["index"], 1)
    store.write_tensors(tmp_path / "tokens.safetensors", arrays)
    with pytest.raises(ValueError, match="texts of other items"):
        generations.in_place_of(loaded.split("train"), tmp_path)


def test_the_job_is_deterministic_as_trainings_are_and_shows_what_is_done(tmp_path, monkeypatch):
    inputs = {
        "dataset": str(make_texts(tmp_path / "texts")),
        "teacher": str(make_teacher(tmp_path / "teacher", tmp_path / "texts")),
    }
    torch.set_deterministic_debug_mode("default")
    job = Job("generations", "g", "0" * 12, {"threads": 1}, inputs, tmp_path / "generations")
    with stages(monkeypatch) as seen:
        generations.generate(job)
    assert torch.get_deterministic_debug_mode() == 2  # an error
    (found,) = (stage for stage in seen if stage.label == "texts")
    assert (found.done, found.total, found.unit) == (42, 42, "items")
