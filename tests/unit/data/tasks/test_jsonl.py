"""Tasks from files: what is read, and what is refused with its file and line."""

from __future__ import annotations

import json

import pytest

from distilscope.data.raw import BadData
from distilscope.data.tasks.jsonl import Read, read_jsonl

CHOICES = ["a cat", "a dog", "an eel"]


def written(folder, *items):
    path = folder / "task.jsonl"
    path.write_text("\n".join(i if isinstance(i, str) else json.dumps(i) for i in items))
    return path


def test_items_with_and_without_choices_are_read_by_line(tmp_path):
    path = written(
        tmp_path,
        {"question": "2 + 2?", "answer": 4, "rationale": "two and two \u2028"},
        "",
        {"question": "What barks?", "answer": "B", "choices": CHOICES, "rationale": None},
        {"question": "What mews?", "answer": 0, "choices": CHOICES},
        {"question": "What swims?", "answer": "an eel", "choices": CHOICES},
        {"question": "2 + 3?", "answer": 5, "choices": ["4", "5"]},
        {"question": "First?", "answer": 0, "choices": ["0", "1"]},
    )
    found = read_jsonl(path)
    assert found[0] == Read("2 + 2?", "4", (), "two and two", 1)
    assert [i.line for i in found] == [1, 3, 4, 5, 6, 7]
    assert [i.answer for i in found[1:]] == ["a dog", "a cat", "an eel", "5", "0"]
    assert [i.label for i in found] == [-1, 1, 0, 2, 1, 0]


def test_a_choice_that_is_a_letter_is_meant_as_its_text(tmp_path):
    path = written(tmp_path, {"question": "Last?", "answer": "A", "choices": ["B", "A"]})
    assert read_jsonl(path)[0].label == 1


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("{", ":1: it is no JSON"),
        ("[1]", "expected an object with question, answer"),
        ({"question": "a"}, "'answer' is missing, it has question"),
        ({"question": "a", "answer": "b", "chioces": []}, "unknown key 'chioces'"),
        ({"question": " ", "answer": "b"}, "'question' has ' ', expected text"),
        ({"question": "a", "answer": True}, "'answer' is True, expected text or a whole number"),
        ({"question": "a", "answer": "x", "choices": CHOICES}, "a letter A to C or a position 0"),
        ({"question": "a", "answer": 3, "choices": CHOICES}, "the answer 3 is none of the choices"),
        (
            {"question": "a", "answer": 1, "choices": ["1", "2"]},
            """the answer 1 is the position of '2' and the text of another choice; write the one """
            """that is meant as text: "2" or "1\"""",
        ),
        ({"question": "a", "answer": "x", "choices": ["x", "x "]}, "choice 'x' stands there twice"),
        ({"question": "a", "answer": "0", "choices": [*map(str, range(27))]}, "27 choices, expect"),
        ({"question": "a", "answer": "x", "choices": ["x"]}, "one choice is no choice"),
        ({"question": "a", "answer": "x", "choices": ["x", 1]}, "'choices' has 1, expected text"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path, item, said):
    with pytest.raises(BadData) as caught:
        read_jsonl(written(tmp_path, item))
    assert "task.jsonl:1: " in str(caught.value)
    assert said in str(caught.value)


def test_files_that_are_missing_empty_or_no_text_are_refused(tmp_path):
    with pytest.raises(BadData, match="there is no such file"):
        read_jsonl(tmp_path / "none.jsonl")
    with pytest.raises(BadData, match="it has no item"):
        read_jsonl(written(tmp_path, "", " "))
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(BadData, match=r"can't be read as text in UTF-8"):
        read_jsonl(tmp_path / "bytes.jsonl")
