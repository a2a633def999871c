"""An audit of language models: folders and tasks of files become the request of a study."""

import argparse
import json

import pytest
import torch
from safetensors.torch import save_file

from distilscope.auditing import asking, writing
from distilscope.configuration.study import parse

ITEMS = [
    {"question": "2 + 2?", "answer": "4", "choices": ["4", "5"]},
    {"question": "2 + 3?", "answer": "5", "choices": ["4", "5", "6"]},
    {"question": "2 + 4?", "answer": "6"},
]
DESCRIBED = {"model_type": "llama", "num_hidden_layers": 2}


def model(folder, dtype=torch.bfloat16, **changes):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({**DESCRIBED, **changes}))
    save_file({"one.weight": torch.ones(2, dtype=dtype)}, folder / "model.safetensors")


def task(path, items):
    path.write_text("".join(f"{json.dumps(item)}\n" for item in items))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model(tmp_path / "models/big-1.5B", max_position_embeddings=2048)
    model(tmp_path / "models/small-0.5B", max_position_embeddings=512)
    task(tmp_path / "sums.jsonl", ITEMS[:2])
    task(tmp_path / "more sums.jsonl", ITEMS[2:])
    return tmp_path


def options(*typed):
    parser = argparse.ArgumentParser()
    parser.add_argument("--configuration")
    asking.add_arguments(parser)
    return parser.parse_args(["--teacher", "models/big-1.5B", *map(str, typed)])


STUDENT = ("--student", "models/small-0.5B")


def test_folders_and_files_are_a_study_of_which_nothing_is_trained(folder):
    typed = options(*STUDENT, "--tasks", "sums.jsonl", "--tasks", "more sums.jsonl")
    asking.check(typed)
    found = writing.configuration(asking.asked(typed))
    small = {"architecture": "transformers", "weights": "models/small-0.5B"}
    assert found["students"] == {
        "small-0-5B": {**small, "settings": {"folder": "models/small-0.5B"}}
    }
    assert found["data"] == {
        "name": "jsonl-tasks",
        "tokenizer": "models/big-1.5B",
        "longest": 512,
        "tasks": [
            {"name": "sums", "test": "sums.jsonl"},
            {"name": "more-sums", "test": "more sums.jsonl"},
        ],
    }
    assert found["observe"] == {"gram_batch": 4}, "two items have choices; CKA takes four or more"
    assert set(found["analyses"]) == {"outputs", "reasoning", "representation"}
    study = parse(found)
    assert not study.trains and study.floors == ["small-0-5B"] and not study.stand_ins


def test_models_that_differ_in_weights_alone_have_one_untrained_network(folder):
    model(folder / "models/rounded", torch.float16, max_position_embeddings=512)
    model(folder / "models/deep", max_position_embeddings=512, num_hidden_layers=3)
    given = (*STUDENT, "--student", "models/rounded", "--student", "models/deep")
    found = writing.configuration(asking.asked(options(*given, "--tasks", "sums.jsonl")))
    assert found["floors"] == ["small-0-5B", "deep"]


def test_a_task_says_how_it_is_asked_and_read(folder):
    own = "{name: told, test: sums.jsonl, prompt: 'Q {question} A', parse: first-letter}"
    asked = asking.asked(options(*STUDENT, "--tasks", own, "--limit", "1"))
    (found,) = asked.data["tasks"]
    assert found == {
        **{"name": "told", "test": "sums.jsonl", "prompt": "Q {question} A"},
        **{"parse": "first-letter", "limit": {"test": 1}},
    }
    assert asked.count == 1


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["--tasks", "sums.jsonl", "--images", "x", "--compress", "prune=0.5"], "--images, --comp"),
        (["--tasks", "sums.jsonl", "--methods", "ig"], "--methods are of images"),
        (["--tasks", "sums.jsonl", "--student", "resnet18=a.pt"], "resnet18: --tasks .* FOLDER"),
        (["--tasks", "sums.jsonl", "--student", "sums.jsonl"], "'sums.jsonl' is none"),
        (["--tasks", "none.jsonl"], "none.jsonl: there is no such file"),
        (["--tasks", "{name: x"], "expected a mapping, such as {name: sums"),
        (["--images", "x"], "'models/big-1.5B' is a folder: language models are asked by --tasks"),
    ],
)
def test_what_is_no_audit_of_language_models_is_refused_with_the_option(folder, typed, words):
    given = options(*STUDENT, *typed)
    with pytest.raises(ValueError, match=words):
        asking.check(given)
        asking.asked(given)


def test_weights_of_one_pickled_file_are_named_by_it(folder):
    (folder / "models/small-0.5B/model.safetensors").rename("models/small-0.5B/pytorch_model.bin")
    asked = asking.asked(options(*STUDENT, "--tasks", "sums.jsonl"))
    assert asked.students[0].weights == "models/small-0.5B/pytorch_model.bin"
    assert asked.students[0].settings == {"folder": "models/small-0.5B"}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("adapter", r"an adapter alone \(adapter_config.json\): merge it"),
        ("empty", "holds no weights: expected .*safetensors or pytorch_model.bin"),
        ("whole", r"weights of whole numbers \(gptq\), and floating ones are read"),
        ("nothing", "there is no models/other/config.json: put the model there"),
        ("code", "needs code that lies with the model"),
    ],
)
def test_a_folder_that_is_no_whole_model_is_refused_with_the_way_out(folder, kind, words):
    other = folder / "models/other"
    further = {"quantization_config": {"quant_method": "gptq"}} if kind == "whole" else {}
    further |= {"auto_map": {"AutoModelForCausalLM": "m.M"}} if kind == "code" else {}
    model(other, torch.int32 if kind == "whole" else torch.float32, **further)
    if kind in ("adapter", "nothing"):
        (other / "config.json").unlink()
    if kind == "adapter":
        (other / "adapter_config.json").write_text("{}")
    if kind == "empty":
        (other / "model.safetensors").unlink()
    with pytest.raises((ValueError, OSError), match=words):
        asking.asked(options("--student", "models/other", "--tasks", "sums.jsonl"))


def test_floating_weights_of_a_model_that_was_quantised_are_taken(folder):
    model(folder / "models/again", quantization_config={"quant_method": "gguf"})
    asked = asking.asked(options("--student", "models/again", "--tasks", "sums.jsonl"))
    assert asked.students[0].weights == "models/again"


def test_a_task_without_a_file_is_told_by_the_study(folder):
    asked = asking.asked(options(*STUDENT, "--tasks", "{name: x}"))
    with pytest.raises(ValueError, match=r"data\.tasks\.0\.test: .*missing"):
        parse(writing.configuration(asked))
