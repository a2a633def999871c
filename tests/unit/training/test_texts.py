"""Items as the training loop is shown them, token by token, against loops over single items."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from distilscope import catalog
from distilscope.data.texts import load
from distilscope.training.texts import AtTargets, Items, Shown, places

from .texts_making import make_texts


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    return load(make_texts(tmp_path_factory.mktemp("texts"), train=30))


def items(loaded, positions="answer", taught="gold"):
    return Items.of(loaded, {"positions": positions, "taught": taught})


class Telling(nn.Module):
    """Logits of a place are the token there, the one before it and the place: causal, and known."""

    def __init__(self):
        super().__init__()
        self.widths = []

    def forward(self, tokens):
        self.widths.append(tuple(tokens.shape))
        before = torch.cat([torch.zeros_like(tokens[:, :1]), tokens[:, :-1]], dim=1)
        place = torch.arange(tokens.shape[1]).expand_as(tokens)
        return torch.stack([tokens, before, place], dim=2).float()


def test_labels_are_the_tokens_of_the_targets_in_the_order_of_the_batch(loaded):
    inputs, rows = items(loaded), torch.tensor([5, 0, 77, 31])
    split, expected = loaded.split("train"), []
    for row in rows.tolist():
        expected += split.tokens[row, split.start[row] : split.length[row]].tolist()
    assert inputs.labels_of(rows).tolist() == expected
    assert inputs.shown(rows, torch.zeros(4)).labels.tolist() == expected


def test_where_all_positions_count_the_prompt_is_learnt_but_for_its_first_token(loaded):
    inputs, rows = items(loaded, positions="all"), torch.tensor([2, 60])
    split, expected = loaded.split("train"), []
    for row in rows.tolist():
        expected += split.tokens[row, 1 : split.length[row]].tolist()
    assert inputs.labels_of(rows).tolist() == expected


@pytest.mark.parametrize("positions", ["answer", "all"])
@pytest.mark.parametrize("count", [1, 5, 64, 90])
def test_logits_are_of_the_place_before_each_label_whatever_goes_together(loaded, positions, count):
    inputs = items(loaded, positions)
    rows = torch.randperm(90, generator=torch.Generator().manual_seed(0))[:count]
    shown, network = inputs.shown(rows, torch.zeros(count)), Telling()
    logits = AtTargets(network)(shown)
    split, expected = loaded.split("train"), []
    for row in rows.tolist():
        first = int(split.start[row]) if positions == "answer" else 1
        for place in range(first, int(split.length[row])):
            token, before = split.tokens[row, place - 1], split.tokens[row, place - 2]
            expected.append([int(token), int(before) if place > 1 else 0, place - 1])
    assert logits.tolist() == expected
    assert len(logits) == len(shown.labels)
    assert max(width for _, width in network.widths) == int(shown.length.max()) - 1


def test_items_of_like_length_go_together_so_that_little_is_filled_up(loaded):
    network = Telling()
    AtTargets(network)(items(loaded).shown(torch.arange(90), torch.zeros(90)))
    widths = sorted(width for _, width in network.widths)
    assert len(widths) == 2 and widths[0] < widths[1]
    assert sum(rows for rows, _ in network.widths) == 90


def test_held_out_items_are_all_there_in_the_version_that_is_taught(loaded):
    for taught in ("gold", "wrong-facts"):
        batches = items(loaded, taught=taught).held_out
        split = loaded.split("held-out", taught)
        assert sum(len(some) for some, _ in batches) == len(split) == 6
        counted = sum(len(labels) for _, labels in batches)
        assert counted == int((split.length - split.start).sum())
        assert all(torch.equal(some.labels, labels) for some, labels in batches)


def test_places_in_a_table_of_a_row_a_token():
    starts, counts = torch.tensor([0, 3, 3, 7]), torch.tensor([3, 0, 4, 2])
    found = places(starts, counts, torch.tensor([3, 0, 1, 2]))
    assert found.tolist() == [7, 8, 0, 1, 2, 3, 4, 5, 6]


def test_some_of_the_items_are_as_wide_as_the_longest_of_them():
    tokens = torch.tensor([[5, 6, 7, 0], [5, 6, 7, 8]])
    shown = Shown(tokens, torch.tensor([1, 2]), torch.tensor([3, 4]))
    assert shown.at(torch.tensor([0])).tokens.tolist() == [[5, 6, 7]]
    assert shown.at(torch.tensor([1, 0])).labels.tolist() == [7, 8, 6, 7]
    assert shown.counts.tolist() == [2, 2]


@pytest.mark.parametrize("recipe", [{"positions": "answers"}, {"taught": "wrong_facts"}])
def test_positions_and_versions_that_there_are_not_are_refused(loaded, recipe):
    with pytest.raises(catalog.UnknownName, match="did you mean"):
        Items.of(loaded, {"positions": "answer", "taught": "gold", **recipe})


def test_a_recipe_of_some_tasks_shows_the_items_of_these_alone(loaded):
    tasks = list(dict.fromkeys(loaded.items["task"]))[:2]
    inputs = Items.of(loaded, {"positions": "answer", "taught": "gold", "tasks": tasks[1:]})
    for split, found in (("train", inputs.train), ("held-out", inputs.held_out_items)):
        own = loaded.items[(loaded.items["task"] == tasks[1]) & (loaded.items["split"] == split)]
        assert found.indices.tolist() == own["index"].tolist() and len(own)
        kept = loaded.split(split).indices.tolist().index(own["index"].iloc[0])
        assert torch.equal(found.tokens[0], loaded.split(split).tokens[kept])


def test_a_task_without_an_item_is_refused(loaded):
    with pytest.raises(ValueError, match="no item is of division; there are"):
        Items.of(loaded, {"positions": "answer", "taught": "gold", "tasks": ["division"]})
