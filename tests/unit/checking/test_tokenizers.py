"""A model's tokens and those of the texts: the same, more at the end, or refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from distilscope.checking import tokenizers
from distilscope.configuration.texts import FileTexts
from distilscope.data import task_files, texts
from distilscope.models.build import ModelError
from distilscope.planning.job import Job
from distilscope.store import digest_file
from tests import hub_folders


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokens")
    hub_folders.write_tokenizer(folder / "own")
    section = FileTexts(
        **hub_folders.data(hub_folders.write_tasks(folder / "tasks"), folder / "own")
    )
    digests = {k: digest_file(v) for k, v in section.files.items() if k != "tokenizer"}
    settings = {**section.described, "contents": digests}
    job = Job("texts", "t", "0" * 12, settings, {}, folder / "made", {"files": section.files})
    task_files.prepare(job)
    return texts.load(folder / "made")


def test_tokens_behind_those_of_the_texts_are_cut(prepared, tmp_path):
    hub_folders.write_tokenizer(tmp_path, "<|image|>", "<|sound|>")
    said = tokenizers.check({"init_file": str(tmp_path)}, prepared)
    assert said == ["the same tokens, 2 more of its own are cut"]
    assert tokenizers.check({}, prepared) == []


def edited(folder, edit):
    hub_folders.write_tokenizer(folder)
    found = json.loads((folder / "tokenizer.json").read_text())
    edit(found["model"])
    (folder / "tokenizer.json").write_text(json.dumps(found))
    return folder


def exchange(model):
    vocabulary = model["vocab"]
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]


def test_a_token_that_means_another_text_is_refused(prepared, tmp_path):
    with pytest.raises(ModelError, match=r"is 'b' in .* and 'a' in the texts' tokenizer"):
        tokenizers.check({"weights_file": str(edited(tmp_path, exchange))}, prepared)


def test_one_vocabulary_that_splits_otherwise_is_refused(prepared, tmp_path):
    folder = edited(tmp_path, lambda model: model.update(merges=model["merges"][:5]))
    with pytest.raises(ModelError, match="share a vocabulary and not how text is split"):
        tokenizers.check({"weights_file": str(folder)}, prepared)


def test_a_folder_without_a_tokenizer_is_refused(prepared, tmp_path):
    with pytest.raises(ModelError, match=r"there is no .*tokenizer.json"):
        tokenizers.check({"init_file": str(tmp_path)}, prepared)


def without_tw(model):
    """` tw` is two tokens."""
    model["merges"].remove(["Ġt", "w"])


@pytest.mark.parametrize("column", ["choices", "trace", "unasked"])
def test_a_difference_in_choices_alone_or_in_worked_solutions_alone_is_seen(
    prepared, tmp_path, column
):
    folder = edited(tmp_path, without_tw)
    items = prepared.items.copy()
    for name in ("prompt", "unasked", "trace", "answer"):
        items[name] = items[name].str.replace("tw", "zz")
    items["choices"] = [[each.replace("tw", "zz") for each in own] for own in items["choices"]]
    alike = replace(prepared, items=items, versions={})
    tokenizers.check({"init_file": str(folder)}, alike)
    other = [["twelve", "one"]] * len(items) if column == "choices" else items[column] + " twelve"
    with pytest.raises(ModelError, match="not how text is split"):
        tokenizers.check(
            {"init_file": str(folder)}, replace(alike, items=items.assign(**{column: other}))
        )
    with pytest.raises(ModelError, match="not how text is split"):  # gold texts
        tokenizers.check({"init_file": str(folder)}, replace(alike, versions=prepared.versions))


def test_a_sign_that_is_put_before_every_text_is_seen(prepared, tmp_path):
    from tokenizers import Tokenizer, processors

    hub_folders.write_tokenizer(tmp_path)
    own = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    begin = (hub_folders.END, own.token_to_id(hub_folders.END))
    own.post_processor = processors.TemplateProcessing(
        single=f"{hub_folders.END} $A", special_tokens=[begin]
    )
    own.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ModelError, match="put before and behind it"):
        tokenizers.check({"init_file": str(tmp_path)}, prepared)


def test_a_given_model_that_ends_its_texts_otherwise_is_named(prepared, tmp_path):
    hub_folders.write_tokenizer(tmp_path)
    given, trained = {"weights_file": str(tmp_path)}, {"init_file": str(tmp_path)}
    assert tokenizers.ends_otherwise(given, prepared) is None
    for own in ("<|im_end|>", {"content": "<|im_end|>"}):
        (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": own}))
        said = tokenizers.ends_otherwise(given, prepared)
        assert "end with '<|im_end|>'" in said and "those of the study with '<|end|>'" in said
        assert tokenizers.ends_otherwise(trained, prepared) is None
    (tmp_path / "tokenizer_config.json").write_text("[]")
    assert tokenizers.ends_otherwise(given, prepared) is None
    assert tokenizers.ends_otherwise({}, prepared) is None


def test_a_file_of_weights_that_lies_beside_a_tokenizer_is_of_its_model(prepared, tmp_path):
    folder = edited(tmp_path / "model", exchange)
    for name in ("model.safetensors", "pytorch_model.bin"):
        (folder / name).touch()
        with pytest.raises(ModelError, match="logits of one can't be learnt by the other"):
            tokenizers.check({"weights_file": str(folder / name)}, prepared)
    (tmp_path / "alone.safetensors").touch()
    assert tokenizers.check({"weights_file": str(tmp_path / "alone.safetensors")}, prepared) == []
