"""Greedy answers of a language model, against its own likeliest tokens and a model that knows."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from distilscope.data import texts
from distilscope.data.tasks import generating, symbols
from distilscope.models import continuing
from distilscope.observing import answers

from .language import made

COUNTS = {"train": 12, "held-out": 0, "test": 5}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    found = generating.generate(["sort", "add", "sum"], COUNTS, seed=2, facts=8)
    texts.write(folder, found, symbols.tokenizer(), ["sort", "add", "sum"])
    return texts.load(folder)


class Knowing(nn.Module):
    """It continues each prompt as it was told to."""

    def __init__(self, texts, said):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.said = {tuple(texts.encode(before)): texts.encode(after) for before, after in said}
        self.together = []

    def continued(self, prompts, most, end, pad):
        self.together.append(prompts.shape)
        told = [self.said[tuple(row)] for row in prompts.tolist()]
        rows = [(ids + [pad] * most)[:most] for ids in told]
        return torch.tensor(rows)


def test_what_is_said_is_read_by_the_rule_of_the_task_and_judged(loaded):
    items = loaded.items[loaded.items["split"] == "test"].reset_index(drop=True)
    gold = [f"{i.trace} ; {i.answer} ." if i.trace else f"{i.answer} ." for i in items.itertuples()]
    said = dict(zip(items["prompt"], gold, strict=True))
    first = {task: items.index[items["task"] == task].tolist() for task in ("add", "sort")}
    one, two, three = first["add"][:3]
    said[items["prompt"][one]] = "1 + 1 = 2 ; a a ."
    said[items["prompt"][two]] = gold[two].replace(" .", " ")
    said[items["prompt"][three]] = f"1 + 1 = 2 ; {items['answer'][three]} . 7 ."
    model = Knowing(loaded, said.items())
    found = answers.answer(model, loaded, items, batch=2)
    assert found["index"].tolist() == items["index"].tolist()
    wrong = {one: "a a", two: None}
    for row in range(len(items)):
        expected = wrong.get(row, items["answer"][row])
        assert found["answer"][row] == expected
        assert found["right"][row] == (row not in wrong)
    assert found["trace"][one] == "1 + 1 = 2"
    assert found["text"][three] == f"1 + 1 = 2 ; {items['answer'][three]} ."  # up to its end
    assert found["trace"][first["sort"][0]] == ""
    assert max(rows for rows, _ in model.together) == 2


def test_a_continuation_is_the_same_in_any_company(loaded):
    model = made(loaded.vocabulary)
    prompts = [loaded.encode(prompt) for prompt in loaded.items["prompt"]]
    together = continuing.continuations(model, loaded, prompts, most=6)
    alone = [continuing.continuations(model, loaded, [each], most=6)[0] for each in prompts[:6]]
    assert together[:6] == alone
    assert len({*map(tuple, together)}) > 1


def test_who_was_taught_a_longer_procedure_is_not_cut_short(tmp_path):
    """Traces of the other way to add have more tokens than gold ones."""
    found = generating.generate(["add"], COUNTS, seed=2, facts=8)
    texts.write(tmp_path, found, symbols.tokenizer(), ["add"])
    loaded = texts.load(tmp_path)
    items = loaded.items[loaded.items["split"] == "test"].reset_index(drop=True)
    taught = [f"{text} ." for text in items["taught_other_procedure"]]
    gold = loaded.split("train")
    assert max(len(loaded.encode(each)) for each in taught) > int((gold.length - gold.start).max())
    model = Knowing(loaded, zip(items["prompt"], taught, strict=True))
    said = answers.answer(model, loaded, items)
    assert said["text"].tolist() == taught
    assert said["right"].all()
