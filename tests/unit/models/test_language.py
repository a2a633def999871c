"""Language models: transformers' own classes, seen as tokens in and logits out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import scipy.stats
import torch
from torch import nn

from distilscope import catalog
from distilscope.models import weights
from distilscope.models.build import ModelError, build, check_layers
from distilscope.models.continuing import continuations

FAMILIES = ("qwen2", "llama")
SMALL = {"width": 8, "layers": 2, "heads": 2, "mlp": 2.0, "context": 32, "tied": True}


def made(family, seed=0, vocabulary=11, **changes):
    entry = catalog.ARCHITECTURES[family]
    architecture = {"builder": entry.builder, "settings": {**entry.settings, **SMALL, **changes}}
    return build(architecture, vocabulary, seed=seed).eval()


def tokens(rows, length, seed=0, vocabulary=11):
    return torch.randint(
        2, vocabulary, (rows, length), generator=torch.Generator().manual_seed(seed)
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_are_of_every_place_and_know_nothing_of_what_stands_behind_it(family):
    model, shown = made(family), tokens(3, 7)
    with torch.no_grad():
        logits = model(shown)
        changed = shown.clone()
        changed[:, 5:] = 0
        assert logits.shape == (3, 7, 11)
        torch.testing.assert_close(model(changed)[:, :5], logits[:, :5])
        assert not torch.allclose(model(changed)[:, 5], logits[:, 5])


@pytest.mark.parametrize("family", FAMILIES)
def test_initial_weights_are_a_function_of_the_seed(family):
    one, same, other = made(family), made(family), made(family, seed=1)
    pairs = zip(one.parameters(), same.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    name = "network.model.layers.1.mlp.up_proj.weight"
    assert not torch.equal(one.state_dict()[name], other.state_dict()[name])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("layers", [1, 3])
def test_the_declared_layers_exist_at_every_depth_and_give_a_vector_a_place(family, layers):
    model = made(family, layers=layers)
    declared = catalog.ARCHITECTURES[family].layers
    check_layers(model, declared)
    seen = []
    for path in declared.values():
        model.get_submodule(path).register_forward_hook(lambda m, i, output: seen.append(output))
    with torch.no_grad():
        logits = model(tokens(2, 5))
    assert [tuple(each.shape) for each in seen] == [(2, 5, 8)] * 2
    head = model.network.lm_head.weight
    torch.testing.assert_close(seen[-1] @ head.T, logits)  # what the head sees


@pytest.mark.parametrize("family", FAMILIES)
def test_the_greedy_continuation_is_the_likeliest_token_step_by_step_without_a_cache(family):
    model, prompts = made(family), tokens(4, 3)
    made_up = model.continued(prompts, most=6, end=0, pad=0)
    rows = prompts
    with torch.no_grad():
        for _ in range(made_up.shape[1]):
            rows = torch.cat([rows, model(rows)[:, -1].argmax(1, keepdim=True)], dim=1)
    for found, expected in zip(made_up.tolist(), rows[:, 3:].tolist(), strict=True):
        ended = expected.index(0) + 1 if 0 in expected else len(expected)
        assert found[:ended] == expected[:ended]
        assert set(found[ended:]) <= {0}


def test_a_network_without_a_cache_is_continued_as_one_with_it():
    """A user's own network has `forward` and perhaps nothing else."""

    class Plain(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, tokens):
            return self.inner(tokens)

    model, ends = made("qwen2"), SimpleNamespace(end=0, pad=0)
    prompts = [*tokens(4, 3).tolist(), *tokens(2, 5).tolist()]
    said = continuations(model, ends, prompts, 6)
    assert continuations(Plain(model), ends, prompts, 6) == said
    end = said[0][1]
    (found,) = continuations(Plain(model), SimpleNamespace(end=end, pad=0), prompts[:1], 6)
    assert found == said[0][: said[0].index(end) + 1]


@pytest.mark.parametrize("family", ["qwen2", "llama"])
@pytest.mark.parametrize("batch", [2, 100])
def test_prompts_that_are_filled_up_are_continued_as_those_of_one_length(family, batch):
    model, ends = made(family), SimpleNamespace(end=0, pad=0)
    prompts = [row for length in (3, 7, 4, 3, 9) for row in tokens(2, length).tolist()]
    alone = [continuations(model, ends, [prompt], 6)[0] for prompt in prompts]
    shown = []
    continued = model.continued
    model.continued = lambda *a: shown.append(len(a[0])) or continued(*a)
    assert continuations(model, ends, prompts, 6, batch, filled=True) == alone
    assert shown == ([10] if batch == 100 else [2] * 5)
    assert len({*map(tuple, alone)}) > 3, "all say the same"


@pytest.mark.parametrize("tied", [True, False])
def test_weights_come_back_from_their_file(tmp_path, tied):
    model, other = made("qwen2", tied=tied), made("qwen2", seed=1, tied=tied)
    weights.save(model, tmp_path / "weights.safetensors")
    weights.load_into(other, tmp_path / "weights.safetensors")
    shown = tokens(2, 4)
    with torch.no_grad():
        assert torch.equal(model(shown), other(shown))
    head, embedding = other.network.lm_head.weight, other.network.model.embed_tokens.weight
    assert (head.data_ptr() == embedding.data_ptr()) is tied


def test_the_laptops_models_have_between_0_03_and_0_4_million_parameters():
    def count(**settings):
        model = made("qwen2", vocabulary=79, **settings)
        return sum(each.numel() for each in model.parameters())

    assert count(width=96, layers=3, heads=4, mlp=3.0) < 400_000
    assert 25_000 < count(width=32, layers=2, heads=2, mlp=3.0) < 40_000


def test_a_text_that_is_longer_than_the_context_is_refused():
    model = made("qwen2", context=8)
    with torch.no_grad():
        assert model(tokens(1, 8)).shape == (1, 8, 11)
        with pytest.raises(ValueError, match="9 tokens is longer than the network's context of 8"):
            model(tokens(1, 9))
    assert model.continued(tokens(1, 4), most=4, end=0, pad=0).shape[1] <= 4
    with pytest.raises(ValueError, match=r"set `context` .* to 9 or more"):
        model.continued(tokens(1, 4), most=5, end=0, pad=0)


def test_a_width_that_heads_can_not_share_is_refused():
    with pytest.raises(ValueError, match="width 10 and heads 2: a head has 5 numbers"):
        made("qwen2", width=10)


def test_a_setting_that_there_is_not_is_refused():
    with pytest.raises((ModelError, TypeError), match="widht"):
        made("llama", widht=3)


def test_without_transformers_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ValueError, match=r"pip install 'distilscope\[language\]'"):
        made("qwen2")


def test_sampled_tokens_are_of_the_models_own_distribution_whatever_fills_a_prompt_up():
    """Pairs of tokens behind prompts of two lengths, by a chi-squared test."""
    vocabulary, draws = 6, 5_000
    model = made("qwen2", vocabulary=vocabulary)
    with torch.no_grad():  # initial weights hardly look at what stands before
        for parameter in model.parameters():
            parameter.mul_(12 if parameter.ndim == 2 else 1)
    for width in (2, 5):
        prompt = tokens(1, width, vocabulary=vocabulary)
        pairs = torch.cat([prompt.expand(vocabulary, -1), torch.arange(vocabulary)[:, None]], dim=1)
        with torch.no_grad():
            logits = model(pairs)
        expected = logits[:1, -2].softmax(1).T * logits[:, -1].softmax(1)
        filled = torch.cat([torch.zeros(1, 5 - width, dtype=torch.int64), prompt], dim=1)
        real = (torch.arange(5) >= 5 - width).long()[None]
        torch.manual_seed(width)
        said = model.sampled(
            *(filled.expand(draws, -1), real.expand(draws, -1)), most=2, end=vocabulary, pad=0
        )
        found = torch.bincount(said[:, 0] * vocabulary + said[:, 1], minlength=vocabulary**2)
        wanted = (expected.double() / expected.double().sum()).flatten().numpy() * draws
        assert 5 < wanted.min() < wanted.max() / 3
        assert scipy.stats.chisquare(found.numpy(), wanted).pvalue > 1e-4
