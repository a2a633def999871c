"""Log-likelihoods of choices, against a loop over single texts and against lm-eval."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tokenizers
import torch

from distilscope.analyses.reasoning import model_rows, said
from distilscope.data import texts
from distilscope.data.tasks import generating, symbols
from distilscope.observing import choices
from distilscope.training import rows
from tests import hub_folders

from .language import made

COUNTS = {"train": 12, "held-out": 0, "test": 6}
RECORDED = json.loads((Path(__file__).parent / "lm_eval.json").read_text())


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    tasks = ["fact", "sort", "largest", "add"]
    found = generating.generate(tasks, COUNTS, seed=5, facts=8)
    texts.write(folder, found, symbols.tokenizer(), tasks)
    table = texts.read_items(folder, "test")
    return table[table["label"] >= 0]


@pytest.fixture(scope="module")
def model():
    return made(len(symbols.SYMBOLS))


def by_hand(model, before, after):
    """One text alone, token by token, in float64."""
    tokenizer = symbols.tokenizer()
    context, target = tokenizer.encode(before).ids, tokenizer.encode(after).ids
    total = 0.0
    for place, token in enumerate(target):
        shown = torch.tensor([context + target[:place]])
        with torch.no_grad():
            total += torch.log_softmax(model(shown)[0, -1].double(), dim=0)[token].item()
    return total


def test_a_score_is_the_sum_over_the_choices_tokens_with_the_question_and_without(model, items):
    found = choices.score(model, symbols.tokenizer(), items, batch=5)
    assert len(found) == 4 * len(items) == 4 * 18
    row = 0
    for item in items.itertuples(index=False):
        for place, choice in enumerate(item.choices):
            scored = found.iloc[row]
            assert (scored["index"], scored["choice"]) == (item.index, place)
            assert scored["characters"] == len(choice)
            asked = by_hand(model, item.prompt, choice)
            unasked = by_hand(model, f"{item.task} : =", choice)
            assert scored["logprob"] == pytest.approx(asked, abs=1e-4)
            assert scored["logprob_no_question"] == pytest.approx(unasked, abs=1e-4)
            row += 1


def test_scores_do_not_depend_on_what_goes_together(model, items):
    one = choices.score(model, symbols.tokenizer(), items, batch=1)
    all_ = choices.score(model, symbols.tokenizer(), items, batch=1000)
    np.testing.assert_allclose(one["logprob"], all_["logprob"], atol=1e-4)


def test_a_choice_behind_an_empty_prompt_stands_behind_the_end_as_in_lm_eval(model, items):
    end = symbols.tokenizer().encode(".").ids
    some = items.copy()
    some.iloc[::2, some.columns.get_loc("unasked")] = ""
    found = choices.score(model, symbols.tokenizer(), some, batch=5, end=end[0])
    rows = [(item.unasked, choice) for item in some.itertuples() for choice in item.choices]
    expected = [by_hand(model, before or ".", choice) for before, choice in rows]
    np.testing.assert_allclose(found["logprob_no_question"], expected, atol=1e-4)
    with pytest.raises(ValueError, match="a prompt has no tokens"):
        choices.score(model, symbols.tokenizer(), some, batch=5)


def test_a_score_is_what_lm_eval_gives_the_same_text():
    """`record_lm_eval.py`, which lies beside, wrote down what lm-eval says of this model."""
    model, tokenizer = made(len(symbols.SYMBOLS)), symbols.tokenizer()
    assert len(RECORDED["texts"]) > 20
    before = [each["context"] for each in RECORDED["texts"]]
    after = [each["continuation"] for each in RECORDED["texts"]]
    found = choices.log_likelihoods(model, texts.encode(tokenizer, before, after))
    expected = [each["log_likelihood"] for each in RECORDED["texts"]]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.std(expected) > 1


def test_a_task_from_a_file_has_the_scores_and_accuracies_of_lm_evals_own_task(tmp_path):
    """Tokens are bytes and merges of them, and items have two choices or three."""
    vocabulary = hub_folders.write_tokenizer(tmp_path)
    words = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    table = pd.DataFrame(RECORDED["questions"]).reset_index()
    table["prompt"] = [f"Question: {question}\nAnswer:" for question in table["question"]]
    table["unasked"] = "Question: \nAnswer:"
    found = choices.score(made(vocabulary), words, table, batch=7)
    assert len(table) == 12 and len(found) == 30
    wide = {
        name: found.pivot(index="index", columns="choice", values=name).fillna(absent).to_numpy()
        for name, absent in (("logprob", -np.inf), ("characters", 1.0))
    }
    for row, own in enumerate(table["log_likelihoods"]):
        np.testing.assert_allclose(wide["logprob"][row, : len(own)], own, atol=1e-4)
    told = said.Said([], [], np.empty(0), **wide, no_question=wide["logprob"])
    label = np.zeros(len(table), int)  # the right one stands first in each
    assert model_rows.rightly(told.logprob, label).tolist() == table["right"].tolist()
    by_length = model_rows.rightly(told.per_character, label)
    assert by_length.tolist() == table["right_by_length"].tolist()
    assert table["right"].sum() == 6 and table["right_by_length"].sum() == 2


def test_scores_of_a_large_vocabulary_are_made_a_piece_at_a_time_and_the_same(
    model, items, monkeypatch
):
    found = choices.score(model, symbols.tokenizer(), items, batch=5)
    monkeypatch.setattr(rows, "LARGE", 50)
    monkeypatch.setattr(rows, "PIECE", 7 * len(symbols.SYMBOLS))
    monkeypatch.setattr(choices, "of_tokens", None)
    large = choices.score(model, symbols.tokenizer(), items, batch=5)
    for column in ("logprob", "logprob_no_question"):
        np.testing.assert_allclose(large[column], found[column], rtol=1e-5)
