"""Prepared texts: what the files hold, and what is loaded."""

from __future__ import annotations

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from distilscope import catalog, store
from distilscope.data import texts
from distilscope.data.raw import BadData
from distilscope.data.tasks import generating
from distilscope.planning.job import Job

SETTINGS = {
    "name": "generated-tasks",
    "tasks": ["sort", "add", "fact"],
    "train": 20,
    "held_out": 4,
    "test": 8,
    "seed": 1,
    "facts": 12,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    texts.prepare(Job("texts", "texts", "0" * 12, SETTINGS, {}, folder))
    return folder


def test_training_shows_each_fact_four_times_unless_it_is_said_how_many_there_are(folder, tmp_path):
    settings = {key: value for key, value in SETTINGS.items() if key != "facts"}
    texts.prepare(Job("texts", "texts", "0" * 12, settings, {}, tmp_path))

    def asked(place):
        items = texts.read_items(place, "train")
        return items[items["task"] == "fact"]["prompt"].str[-5:].value_counts()

    assert len(asked(tmp_path)) == 5 and asked(tmp_path).min() == 4
    assert len(asked(folder)) == 12


@pytest.mark.parametrize(
    ("train", "expected"), [(6, 6), (100, 25), (1300, 60), (5000, 162)], ids=str
)
def test_there_are_as_many_facts_as_the_items_that_are_wanted_need(train, expected):
    counts = {"train": train, "held-out": 60, "test": 100}
    assert texts.usual_facts(counts) == expected
    found = generating.generate(["fact"], counts, seed=0, facts=expected)
    assert len(found) == train + 160


@pytest.fixture(scope="module")
def loaded(folder):
    return texts.load(folder)


def test_the_manifest_says_what_the_items_are(folder):
    found = store.read_json(folder / "manifest.json")
    assert found["classes"] == ["A", "B", "C", "D"]
    assert found["counts"] == {"train": 60, "held-out": 12, "test": 24}
    assert [task["name"] for task in found["tasks"]] == ["add", "fact", "sort"]
    assert found["tasks"][0] == {
        "name": "add",
        "family": "arithmetic",
        "choices": 0,
        "traced": True,
        "rule": "symbols",
    }


def test_a_row_of_tokens_is_its_items_text(loaded):
    for name in ("train", "held-out", "test"):
        split = loaded.split(name)
        items = loaded.items[loaded.items["split"] == name]
        assert split.indices.tolist() == items["index"].tolist()
        assert split.labels.tolist() == items["label"].tolist()
        for row, item in enumerate(items.itertuples()):
            start, length = int(split.start[row]), int(split.length[row])
            target = f"{item.trace} ; {item.answer} ." if item.trace else f"{item.answer} ."
            assert loaded.decode(split.tokens[row, :start].tolist()) == item.prompt
            assert loaded.decode(split.tokens[row, start:length].tolist()) == target
            assert (split.tokens[row, length:] == loaded.pad).all()
            assert int(split.tokens[row, length - 1]) == loaded.end


@pytest.mark.parametrize(
    ("taught", "field", "task"),
    [
        ("wrong-facts", "taught_wrong_facts", "fact"),
        ("other-procedure", "taught_other_procedure", "add"),
    ],
)
def test_a_planted_version_differs_where_the_item_says_so_and_nowhere_else(
    loaded, taught, field, task
):
    gold, planted = loaded.split("train"), loaded.split("train", taught)
    items = loaded.items[loaded.items["split"] == "train"]
    differing = 0
    for row, item in enumerate(items.itertuples()):
        told = loaded.decode(planted.tokens[row, planted.start[row] :].tolist())
        other = getattr(item, field)
        if isinstance(other, str):
            differing += 1
            assert item.task == task
            assert told == f"{other} ."
        else:
            assert told == loaded.decode(gold.tokens[row, gold.start[row] :].tolist())
    assert differing > 0
    assert planted.indices.equal(gold.indices)


def test_unknown_splits_and_versions_are_refused(loaded):
    with pytest.raises(catalog.UnknownName, match="unknown split 'trian'; did you mean 'train'"):
        loaded.split("trian")
    with pytest.raises(catalog.UnknownName, match="unknown version of targets 'wrong'"):
        loaded.split("train", "wrong")


def test_the_same_settings_give_the_same_bytes(folder, tmp_path):
    texts.prepare(Job("texts", "texts", "0" * 12, SETTINGS, {}, tmp_path))
    for name in ("items.parquet", "tokens.safetensors", "tokenizer.json", "manifest.json"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_an_altered_tokenizer_is_found(folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(store.DamagedFile, match=r"tokenizer\.json"):
        texts.load(tmp_path)


def test_a_tokenizer_that_joins_prompt_and_target_is_refused():
    """`a b` is one token where it stands together, so that no place is the target's first."""
    joining = Tokenizer(models.WordLevel({"<pad>": 0, "a b": 1, "a": 2, "b": 3}, unk_token="<pad>"))
    joining.pre_tokenizer = pre_tokenizers.Split("|", "removed")
    with pytest.raises(BadData, match="the tokens of 'a' change with the text that follows"):
        texts.encode(joining, ["a"], ["b"])


def test_an_encoded_text_begins_its_target_behind_the_prompts_tokens():
    words = Tokenizer(models.WordLevel({"<pad>": 0, "a": 1, "b": 2, "c": 3}, unk_token="<pad>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    found = texts.encode(words, ["a b", "a"], ["c", "b c a"])
    np.testing.assert_array_equal(found["tokens"], [[1, 2, 3, 0], [1, 2, 3, 1]])
    assert (found["start"].tolist(), found["length"].tolist()) == ([2, 1], [3, 4])
