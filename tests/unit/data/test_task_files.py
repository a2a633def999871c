"""Texts of files that people have: what becomes of each item, and what is refused or left out."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from distilscope import store
from distilscope.configuration.texts import FileTask, FileTexts, HubColumns, HubTask, HubTexts
from distilscope.data import hub_tasks, task_files, texts
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
    assert sum(int(note.split()[0]) for note in manifest["notes"]) == left_out


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
    hub = {"repository": "own/arc", "columns": ARC} if kind is HubTask else {}
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


# ------------------------------------------------------------------------------------ the hub

ARC = {
    "question": "{question}",
    "answer": "answerKey",
    "choices": "choices.text",
    "labels": "choices.label",
    "rationale": None,
    "behind": None,
}


def test_rows_of_the_hub_become_the_items_that_a_file_would_hold():
    row = {
        "question": "Why?",
        "choices": {"text": ["so", "not"], "label": ["1", "2"]},
        "answerKey": "2",
    }
    assert hub_tasks.fields("x:1", ARC, row) == {
        "question": "Why?",
        "choices": ["so", "not"],
        "answer": "not",
    }
    gsm = {**ARC, "answer": "answer", "choices": None, "labels": None, "behind": "####"}
    solved = hub_tasks.fields("x:1", gsm, {"question": "2 + 2?", "answer": "2 and 2\n#### 4"})
    assert solved == {"question": "2 + 2?", "answer": "4", "rationale": "2 and 2"}
    piqa = {**ARC, "question": "{goal}", "answer": "label", "choices": ["{a}", "{b}"]}
    found = hub_tasks.fields(
        "x:1", {**piqa, "labels": None}, {"goal": "Sit", "a": "down", "b": "up", "label": 1}
    )
    assert found == {"question": "Sit", "choices": ["down", "up"], "answer": 1}


def test_a_row_without_the_column_is_named():
    with pytest.raises(BadData, match=r"x:3: there is no column 'answerKey', known are question"):
        hub_tasks.fields("x:3", ARC, {"question": "Why?"})
    with pytest.raises(BadData, match=r"own/arc \(train\):1: there is no column 'choices.text'"):
        hub_tasks.items_of(ARC_TASK, "train", [{"question": "Why?", "answerKey": "1"}] * 40, [])


HUB_COLUMNS = {key: value for key, value in ARC.items() if value is not None}
ARC_TASK = {"name": "arc", "repository": "own/arc", "columns": ARC}
PLAIN = {**ARC, "question": "{q}", "answer": "key", "choices": "c", "labels": None}


@pytest.mark.parametrize(
    ("columns", "row", "said"),
    [
        (
            {"labels": "l"},
            {"key": "C", "c": ["a", "b"], "l": [*"ABC"]},
            "its answer 'C' names choice 3 of 2",
        ),
        ({}, {"key": "a", "c": "ab"}, "'c' has 'ab', expected a list of texts"),
        ({}, {"key": "a", "c": None}, "'c' has None, expected a list of texts"),
        ({}, {"key": "a", "c": ["a", None]}, "a choice is None"),
        ({}, {"key": True, "c": ["a", "b", "d"]}, "its answer is True of 3 choices"),
        ({}, {"q": None, "key": "a", "c": ["a", "b"]}, "its column 'q' is empty"),
        ({"question": "{q.text}"}, {"key": "a", "c": ["a", "b"]}, "no column 'q.text'"),
    ],
)
def test_a_row_that_columns_do_not_fit_is_named_with_what_is_wrong(columns, row, said):
    rows = [{"q": "Why?", **row}] * 3
    with pytest.raises(BadData, match=rf"own/arc \(test\):1: .*{said}"):
        hub_tasks.items_of({**ARC_TASK, "columns": {**PLAIN, **columns}}, "test", rows, [])


def test_names_in_braces_are_columns_and_lead_into_them():
    columns = {**PLAIN, "question": "{of.text} {of.more}?"}
    row = {"of": {"text": "Who", "more": 2}, "key": "b", "c": ["a", "b"]}
    assert hub_tasks.fields("x:1", columns, row)["question"] == "Who 2?"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"choices": None}, "`labels` are the names of `choices`, which are left out"),
        ({"question": "goal"}, r"`question` names no column, such as \{question\}"),
        ({"question": "{goal"}, r"'\{goal' has a brace that is no name's"),
        ({"choices": ["{}", "{b}"]}, r"'\{\}' has a brace that is no name's"),
    ],
)
def test_columns_that_could_make_no_item_are_refused_by_the_plan(changes, said):
    with pytest.raises(ValueError, match=said):
        HubColumns(**{**ARC, **changes})


def arc_rows(count, *equal):
    """So many rows, of which some have equal choices, as OpenBookQA has three."""
    return [
        {
            "question": f"Why {n}?",
            "choices": {"text": ["so", "so" if n in equal else "not"], "label": ["A", "B"]},
            "answerKey": "A",
        }
        for n in range(1, count + 1)
    ]


def test_rows_of_the_hub_that_make_no_item_are_left_out_counted_and_named():
    notes = []
    found = hub_tasks.items_of(ARC_TASK, "train", arc_rows(100, 7, 20, 31, 99), notes)
    assert [each.line for each in found] == [n for n in range(1, 101) if n not in (7, 20, 31, 99)]
    assert notes == [
        "task arc: 4 of 100 rows of own/arc (train) make no item and are left out (7, 20, 31 and 1 "
        "more; the first: own/arc (train):7: choice 'so' stands there twice, choices must differ)"
    ]
    assert hub_tasks.items_of(ARC_TASK, "train", arc_rows(3), notes) and len(notes) == 1


def test_a_data_set_of_which_many_rows_make_no_item_is_read_wrongly():
    with pytest.raises(BadData, match=r"6 of 100 rows of own/arc.*train\):1: choice 'so'.*columns"):
        hub_tasks.items_of(ARC_TASK, "train", arc_rows(100, *range(1, 7)), [])


def test_without_the_library_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(BadData, match="pip install datasets, or give your items as files"):
        hub_tasks._rows(ARC_TASK, "train")


@pytest.fixture
def of_the_hub(places, tmp_path, monkeypatch):
    """Prepares a task of a hub, with tasks of files beside it; the folder."""

    def prepared(rows, commit=None, name="made", **changes):
        asked = []

        def load_dataset(*named, split, revision):
            asked.append(revision)
            return rows

        monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
        monkeypatch.setitem(sys.modules, "huggingface_hub", hub_folders.Hub(commit))
        own = hub_folders.data(places / "tasks", places / "tokenizer")
        hub = {"name": "arc", "test": "test", "repository": "own/arc", "columns": HUB_COLUMNS}
        section = HubTexts(
            **{**own, "name": "hub-tasks", "tasks": [{**hub, **changes}, *own["tasks"]]}
        )
        places_of = section.files
        assert sorted(places_of) == sorted(FileTexts(**own).files)
        digests = {k: store.digest_file(v) for k, v in places_of.items() if k != "tokenizer"}
        settings = {**section.described, "contents": digests}
        folder = tmp_path / name
        hub_tasks.prepare(Job("texts", "t", "0" * 12, settings, {}, folder, {"files": places_of}))
        return folder, store.read_json(folder / "run.json")["facts"], asked

    return prepared


def test_tasks_of_files_stand_beside_those_of_the_hub(of_the_hub):
    folder, facts, _ = of_the_hub(arc_rows(6))
    counts = texts.load(folder).items.groupby(["task", "split"]).size()
    assert counts["arc"].to_dict() == {"test": 6}
    assert counts["facts"].to_dict() == counts["sums"].to_dict()
    assert counts["facts"].to_dict() == {"held-out": 2, "test": 4, "train": 6}
    assert [*facts["hub"]] == ["arc"]


def test_what_a_moving_revision_stood_for_is_recorded_and_its_parts_are_of_one_commit(of_the_hub):
    before, after = "a1" * 20, "b2" * 20
    _, first, asked = of_the_hub(arc_rows(6), before, train="train")
    assert asked == [before, before]
    _, again, _ = of_the_hub(arc_rows(6), after, "again", train="train")
    _, moved, _ = of_the_hub(arc_rows(7), after, "moved", train="train")
    own = {"repository": "own/arc", "revision": "main", "commit": before}
    assert first["hub"]["arc"] == {**own, "rows": first["hub"]["arc"]["rows"]}
    assert sorted(first["hub"]["arc"]["rows"]) == ["test", "train"]
    assert first["hub"]["arc"]["rows"] == again["hub"]["arc"]["rows"]
    assert first["hub"]["arc"]["rows"]["test"] != moved["hub"]["arc"]["rows"]["test"]
    assert "revision 'main' of own/arc moves with the hub" in first["notes"][0]
    assert f"is {before} now; give that as `revision`" in first["notes"][0]
    assert f"is {after} now" in moved["notes"][0]


def test_a_commit_as_revision_is_no_news_and_one_that_nobody_can_tell_is(of_the_hub):
    _, facts, asked = of_the_hub(arc_rows(6), "b" * 40, revision="c" * 40)
    assert facts["notes"] == [] and asked == ["c" * 40]
    assert facts["hub"]["arc"]["commit"] == "c" * 40
    _, facts, asked = of_the_hub(arc_rows(6), None, "without", revision="v1")
    assert asked == ["v1"] and facts["hub"]["arc"]["commit"] is None
    assert "'v1' of own/arc moves" in facts["notes"][0]
    assert "could not be asked for; give a commit of 40" in facts["notes"][0]
