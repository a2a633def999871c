"""A prompt that goes through a model once for all its choices: against each text alone."""

from __future__ import annotations

import numpy as np
import pytest
import tokenizers
import torch

from distilscope.data.encoding import encode
from distilscope.observing import choices, shared_prompts
from distilscope.training import rows
from tests import hub_folders

from .language import made

PROMPTS = ("Question: What comes after two?", "Question: and?", "one two three four five")
BEHIND = (("three", "four five", "six seven eight nine"), ("ten",), ("six", "sixteen"))


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """(model, texts as tokens, the item of each)."""
    folder = tmp_path_factory.mktemp("tokens")
    model = made(hub_folders.write_tokenizer(folder))
    words = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    item = [n for n, own in enumerate(BEHIND) for _ in own]
    every = [text for own in BEHIND for text in own]
    return model, encode(words, [PROMPTS[n] for n in item], every), np.array(item)


def alone(model, encoded):
    """Each text by itself, in float64."""
    found = []
    for tokens, start, length in zip(*encoded.values(), strict=True):
        text = torch.from_numpy(tokens[:length].astype(np.int64))
        with torch.no_grad():
            likely = model(text[None])[0].double().log_softmax(dim=-1)
        places = torch.arange(start, length)
        found.append(likely[places - 1, text[places]].sum().item())
    return np.array(found)


@pytest.mark.parametrize("batch", [1, 2, 100])
@pytest.mark.parametrize("mask", [1, 2**24])
def test_each_text_is_scored_as_if_it_stood_alone(asked, monkeypatch, batch, mask):
    model, encoded, item = asked
    monkeypatch.setattr(rows, "LARGE", 50)
    monkeypatch.setattr(shared_prompts, "MASK", mask)
    shown = []
    hidden = model.hidden
    monkeypatch.setattr(model, "hidden", lambda *a: shown.append(a[0].shape) or hidden(*a))
    found = choices.behind_prompts(model, encoded, item, batch)
    np.testing.assert_allclose(found, alone(model, encoded), atol=1e-4)
    assert sum(rows for rows, _ in shown) == len(PROMPTS), "a prompt went through more than once"
    assert len(shown) == (1 if batch == 100 and mask > 1 else 3)


def test_rows_that_are_longer_than_the_context_or_can_not_be_shared_are_scored_alone(
    asked, monkeypatch
):
    model, encoded, item = asked
    monkeypatch.setattr(rows, "LARGE", 50)
    monkeypatch.setattr(choices.Shared, "of", None)
    longest = int(encoded["length"].max())
    monkeypatch.setattr(model.network.config, "max_position_embeddings", longest)
    np.testing.assert_allclose(
        choices.behind_prompts(model, encoded, item), alone(model, encoded), atol=1e-4
    )
