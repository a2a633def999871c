"""Texts of files that people have: what becomes of each item, and what is refused or left out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from distilscope import store
from distilscope.configuration.texts import FileTask, FileTexts, HubTask
from distilscope.data import task_files, texts
from distilscope.data.raw import BadData
from distilscope.planning.job import Job
from tests import hub_folders


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    hub_folders.write_tokenizer(folder / "tokenizer")
    hub_folders.write_tasks(folder / "tasks")
    return folder


def job(places, folder, edit=None, **changes):
    """The job of a plan; `edit` changes the files after it was made."""
    section = FileTexts(**hub_folders.data(places / "tasks", places / "tokenizer", **changes))
    files = dict(section.files)
    digests = {k: store.digest_file(v) for k, v in files.items() if k != "tokenizer"}
    if edit:
        edit()
    settings = {**section.described, "contents": digests}
    return Job("texts", "t", "0" * 12, settings, {}, folder, {"files": files})


def prepared(places, folder, **changes):
    task_files.prepare(job(places, folder, **changes))
    return store.read_json(folder / "manifest.json")


def test_an_items_tokens_are_its_prompt_and_answer_and_the_end(places, tmp_path):
    manifest = prepared(places, tmp_path)
    loaded = texts.load(tmp_path)
    assert manifest["counts"] == {"train": 12, "held-out": 4, "test": 8}
    assert list(loaded.versions) == ["gold"]
    split, row = loaded.split("train"), 0
    said = loaded.tokenizer.decode(split.tokens[row, : split.length[row]].tolist(), False)
    assert said == f"Question: What comes after one?\nAnswer: two{hub_folders.END}"
    start = int(split.start[row])
    assert loaded.decode(split.tokens[row, start : split.length[row]].tolist()) == " two"
    traced = loaded.items[loaded.items["task"] == "sums"].iloc[0]
    assert traced["unasked"] == "Question: \nAnswer:"
    whole = loaded.tokenizer.decode(split.tokens[6, : split.length[6]].tolist(), False)
    assert whole.endswith(f"Answer: 0 and 1\nis 1\nThe answer is 1{hub_folders.END}")


def test_choices_may_differ_in_number_and_tasks_say_how_answers_are_read(places, tmp_path):
    manifest = prepared(places, tmp_path)
    assert manifest["classes"] == ["A", "B", "C"]
    facts, sums = manifest["tasks"]
    assert (facts["rule"], sums["rule"]) == ("first-keyword", "last-number")
    # two of four test items have 2 choices and two 3: wrong alike by chance 1 and 1/2, mean 3/4
    assert 1 / (facts["choices"] - 1) == pytest.approx(3 / 4)
    assert (sums["choices"], sums["traced"], facts["traced"]) == (0, True, False)


def test_more_training_items_leave_the_indices_of_the_others_as_they_are(places, tmp_path):
    prepared(places, tmp_path / "all")
    every = texts.read_items(tmp_path / "all")
    limited = hub_folders.data(places / "tasks", places / "tokenizer")["tasks"]
    for task in limited:
        task["limit"] = {"train": 2}
    prepared(places, tmp_path / "few", tasks=limited)
    few = texts.read_items(tmp_path / "few")
    assert len(few) == len(every) - 8
    merged = few.merge(every, on="index")
    assert len(merged) == len(few) and (merged["prompt_x"] == merged["prompt_y"]).all()


def test_what_is_longer_is_left_out_counted_and_named_and_never_cut(places, tmp_path):
    prepared(places, tmp_path / "all")
    loaded = texts.load(tmp_path / "all")
    lengths = np.concatenate([loaded.split(name).length for name in texts.SPLITS])
    longest = int(np.sort(lengths)[-3])
    manifest = prepared(places, tmp_path / "some", longest=longest)
    kept = texts.load(tmp_path / "some")
    left_out = int((~loaded.items["index"].isin(kept.items["index"])).sum())
    assert left_out > 0
    assert max(int(kept.split(name).length.max()) for name in texts.SPLITS) <= longest
    said = " ".join(manifest["notes"])
    assert f"more than {longest} tokens" in said
    about = [note for note in manifest["notes"] if "left out" in note]
    assert sum(int(note.split()[0]) for note in about) == left_out


def test_what_was_left_out_is_said_where_nothing_is_left(places, tmp_path):
    """Nobody forgot `train`: it is `longest` that leaves none of its items."""
    said = r"no task has a training item.*; 12 items of train have more than 5 tokens \(`longest`\)"
    with pytest.raises(BadData, match=said):
        prepared(places, tmp_path, longest=5)


def test_a_task_whose_test_items_are_all_too_long_is_refused(tmp_path):
    hub_folders.write_tokenizer(tmp_path / "tokenizer")
    path = hub_folders.write_tasks(tmp_path / "tasks") / "sums.test.jsonl"
    path.write_text(json.dumps({"question": "1 and " * 50, "answer": 50}))
    with pytest.raises(BadData, match=r"'sums' has no test item left.*; 1 items of test have more"):
        prepared(tmp_path, tmp_path / "made", longest=100)


def test_a_question_of_the_test_is_not_trained_on(places, tmp_path):
    tasks = hub_folders.write_tasks(tmp_path / "tasks")
    test = (tasks / "facts.test.jsonl").read_text()
    with (tasks / "facts.train.jsonl").open("a") as train:
        train.write(test.splitlines()[0] + "\n")
    hub_folders.write_tokenizer(tmp_path / "tokenizer")
    manifest = prepared(tmp_path, tmp_path / "made")
    assert manifest["counts"]["train"] == 12
    assert manifest["notes"][0].startswith("task facts: 1 training items are also asked")


def test_training_items_may_be_kept_out_of_training(places, tmp_path):
    tasks = hub_folders.data(places / "tasks", places / "tokenizer")["tasks"]
    tasks[0]["held_out"] = 2
    prepared(places, tmp_path, tasks=tasks)
    items = texts.read_items(tmp_path)
    own = items[items["task"] == "facts"].groupby("split")["prompt"].agg(set)
    assert len(own["held-out"]) == 2 and len(own["train"]) == 4
    assert not own["held-out"] & own["train"]


def test_a_held_out_number_that_leaves_nothing_to_train_on_is_refused(places, tmp_path):
    tasks = hub_folders.data(places / "tasks", places / "tokenizer")["tasks"]
    tasks[0]["held_out"] = 6
    said = "'facts': `held_out` is 6 of 6 training items, which leaves none: give 5 or fewer"
    with pytest.raises(BadData, match=said):
        prepared(places, tmp_path, tasks=tasks)


@pytest.mark.parametrize("kind", [FileTask, HubTask])
def test_no_items_are_kept_out_of_training_where_there_are_none_for_training(kind):
    columns = {"question": "{q}", "answer": "a"}
    hub = {"repository": "own/arc", "columns": columns} if kind is HubTask else {}
    with pytest.raises(ValueError, match="`held_out` of x is a part of `train`, which it has not"):
        kind(name="x", held_out=2, test="test", **hub)


def test_a_file_that_changed_since_the_plan_is_refused(tmp_path):
    hub_folders.write_tasks(tmp_path / "tasks")
    hub_folders.write_tokenizer(tmp_path / "tokenizer")
    path = tmp_path / "tasks/facts.train.jsonl"
    late = job(tmp_path, tmp_path / "made", edit=lambda: path.write_text(path.read_text() + "\n"))
    with pytest.raises(BadData, match=r"facts.train.jsonl has changed since the plan"):
        task_files.prepare(late)


@pytest.mark.parametrize(
    ("part", "line", "said"),
    [
        ("test", {"question": "a", "answer": "b"}, r"'facts': some items have choices and some"),
        ("test", {"question": "a", "answer": "c", "choices": ["b", "b"]}, "'b' stands there twice"),
        ("train", {"question": "<|end|>", "answer": 0, "choices": ["b", "c"]}, "which ends a text"),
    ],
)
def test_what_makes_no_item_is_refused(tmp_path, part, line, said):
    path = hub_folders.write_tasks(tmp_path / "tasks") / f"facts.{part}.jsonl"
    path.write_text(f"{path.read_text()}{json.dumps(line)}\n")
    hub_folders.write_tokenizer(tmp_path / "tokenizer")
    with pytest.raises(BadData, match=said):
        prepared(tmp_path, tmp_path / "made")


def test_without_choices_there_is_nothing_to_compare(places, tmp_path):
    tasks = hub_folders.data(places / "tasks", places / "tokenizer")["tasks"][1:]
    with pytest.raises(BadData, match="no held-out item has choices"):
        prepared(places, tmp_path, tasks=tasks)


def test_a_tokenizer_without_the_end_is_refused(places, tmp_path):
    with pytest.raises(BadData, match=r"no token '<eos>'; give `data.end`"):
        prepared(places, tmp_path, end="<eos>")
