"""Items that share rows: each token once, none sees another item, the same logits as alone."""

import random

import pytest
import torch

from distilscope.models.language import llama, qwen2
from distilscope.training import texts
from distilscope.training.packing import Packed, shared_rows
from distilscope.training.texts import AtTargets, Shown

SIZES = [5, 9, 1, 4, 8, 3, 2, 9]
NETWORK = {"width": 16, "layers": 2, "heads": 2, "mlp": 2.0, "context": 32, "tied": True}


def test_short_items_share_rows_by_hand():
    assert shared_rows([5, 9, 4], 9) == [9, 0, 14]
    assert shared_rows([4, 4, 4], 4) == [0, 4, 8]


@pytest.mark.parametrize("seed", range(5))
def test_no_two_items_overlap_and_none_crosses_the_end_of_a_row(seed):
    draw = random.Random(seed)
    sizes = [draw.randint(1, 30) for _ in range(60)]
    width = max(sizes)
    begins = shared_rows(sizes, width)
    taken = [at for b, n in zip(begins, sizes, strict=True) for at in range(b, b + n)]
    assert len(set(taken)) == sum(sizes)
    assert all(b % width + n <= width for b, n in zip(begins, sizes, strict=True))
    rows = max(taken) // width + 1
    assert rows <= sum(sizes) / width * 11 / 9 + 1


def test_a_token_sees_its_own_item_up_to_itself_and_nothing_else():
    packed = Packed.of(torch.tensor(SIZES))
    seen = packed.hidden_from[:, 0] == 0
    item, position = packed.item, packed.position
    for row in range(len(item)):
        for at in range(item.shape[1]):
            if item[row, at] < 0:
                continue
            others = seen[row, at].nonzero()[:, 0].tolist()
            assert others == list(range(at - int(position[row, at]), at + 1))
            assert {int(item[row, other]) for other in others} == {int(item[row, at])}


def made(seed=0):
    generator = torch.Generator().manual_seed(seed)
    length = torch.tensor(SIZES) + 1
    tokens = torch.randint(1, 20, (len(SIZES), int(length.max())), generator=generator)
    within = torch.arange(tokens.shape[1]) < length[:, None]
    first = torch.tensor([1 + int(n) // 2 for n in SIZES]).clamp(max=length - 1)
    return Shown(tokens.masked_fill(~within, 0), first, length)


@pytest.mark.parametrize("build", [qwen2, llama])
def test_logits_and_gradients_are_those_of_items_one_by_one(build):
    torch.manual_seed(3)
    network = build(classes=20, channels=0, **NETWORK)
    model, shown = AtTargets(network), made()
    together = model(shown)
    alone = torch.cat(
        [
            network(shown.tokens[[i], : int(n)])[0, int(f) - 1 : int(n) - 1]
            for i, (f, n) in enumerate(zip(shown.first, shown.length, strict=True))
        ]
    )
    assert texts.packs(network)
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)
    gradients = [
        torch.autograd.grad(said.square().mean(), network.parameters())
        for said in (together, alone)
    ]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-7)


def test_a_network_that_sees_what_is_beside_a_window_has_rows_of_its_own():
    network = qwen2(classes=20, channels=0, **NETWORK)
    network.network.config.use_sliding_window = True
    assert not texts.packs(network)
