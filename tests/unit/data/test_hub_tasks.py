"""Tasks of the hub: what becomes of a row, what is left out or refused, what a revision was."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from distilscope import store
from distilscope.configuration.texts import FileTexts, HubColumns, HubTexts
from distilscope.data import hub_tasks, texts
from distilscope.data.raw import BadData
from distilscope.planning.job import Job
from tests import hub_folders


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    hub_folders.write_tokenizer(folder / "tokenizer")
    hub_folders.write_tasks(folder / "tasks")
    return folder


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


def of_revision(facts):
    return " ".join(note for note in facts["notes"] if "revision" in note)


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
    assert "revision 'main' of own/arc moves with the hub" in of_revision(first)
    assert f"is {before} now; give that as `revision`" in of_revision(first)
    assert f"is {after} now" in of_revision(moved)


def test_a_commit_as_revision_is_no_news_and_one_that_nobody_can_tell_is(of_the_hub):
    _, facts, asked = of_the_hub(arc_rows(6), "b" * 40, revision="c" * 40)
    assert of_revision(facts) == "" and asked == ["c" * 40]
    assert facts["hub"]["arc"]["commit"] == "c" * 40
    _, facts, asked = of_the_hub(arc_rows(6), None, "without", revision="v1")
    assert asked == ["v1"] and facts["hub"]["arc"]["commit"] is None
    assert "'v1' of own/arc moves" in of_revision(facts)
    assert "could not be asked for; give a commit of 40" in of_revision(facts)
