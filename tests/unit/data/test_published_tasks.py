"""The published configurations' tasks, from rows in the format that the hub has them in.

There is no network here: the formats are those of the data sets' own pages, with items made up.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from distilscope import store
from distilscope.configuration.study import parse
from distilscope.data import texts
from distilscope.planning.study import Study
from tests import hub_folders
from tests.reliability import studies

from ..planning.test_given_language_models import CONFIG, with_folders


def lettered(n):
    return {"text": [f"it {n}", "other", "third", "none"], "label": [*"ABCD"]}


ROWS = {
    ("openai/gsm8k", "main"): lambda n: {
        "question": f"{n} and 1?", "answer": f"{n} and 1 is <<{n}+1={n + 1}>>{n + 1}\n#### {n + 1}"
    },
    ("ChilleD/SVAMP", None): lambda n: {
        "ID": f"chal-{n}", "Body": f"There are {n} rows.", "Question": "How many with one more?",
        "Equation": f"( {n}.0 + 1.0 )", "Answer": f"{n + 1}.0", "Type": "Addition",
    },
    ("ChilleD/MultiArith", None): lambda n: {"question": f" {n} less 1?", "final_ans": str(n - 1)},
    ("deepmind/aqua_rat", "raw"): lambda n: {
        "question": f"Half of {2 * n}?", "rationale": f"{2 * n} / 2 = {n}\nAnswer is B",
        "options": [f"A){n + 1}", f"B){n}", f"C){n + 2}", f"D){n + 3}", f"E){n + 4}"],
        "correct": "B",
    },
    ("google/boolq", None): lambda n: {
        "question": f"is {n} even", "answer": n % 2 == 0, "passage": "Numbers are even or odd."
    },
    ("ybisk/piqa", None): lambda n: {
        "goal": f"Open door {n}", "sol1": "push it", "sol2": "eat it", "label": n % 2
    },
    ("allenai/social_i_qa", None): lambda n: {
        "context": f"Ann met {n} people.", "question": "How does she feel?", "answerA": "well",
        "answerB": "ill", "answerC": "tall", "label": str(1 + n % 3),
    },
    ("allenai/ai2_arc", "ARC-Easy"): lambda n: {
        "id": str(n), "question": f"What is {n}?", "choices": lettered(n), "answerKey": "A"
    },
    ("allenai/ai2_arc", "ARC-Challenge"): lambda n: {
        "id": str(n), "question": f"Which is {n}?", "answerKey": "3",
        "choices": {"text": ["one", "two", "three"], "label": ["1", "2", "3"]},
    },
    ("allenai/openbookqa", "main"): lambda n: {
        "id": str(n), "question_stem": f"Number {n} is", "answerKey": "D",
        "choices": {**lettered(n), **({"text": ["it", "it", "a", "b"]} if n == 7 else {})},
    },
    ("allenai/winogrande", "winogrande_xl"): lambda n: {
        "sentence": f"Ann gave Bob {n} pens as _ had many.", "option1": "Ann", "option2": "Bob",
        "answer": "1",
    },
    ("Rowan/hellaswag", None): lambda n: {
        "ind": n, "ctx": f"A man takes {n} steps. He", "endings": ["sits", "flies", "melts", "is"],
        "label": "2",
    },
}  # fmt: skip
"""(data set, subset) -> its n-th row; one row of OpenBookQA has equal choices, as three have."""
ITEMS = 30
EXPECTED = {
    "gsm8k": "3", "svamp": "3.0", "multiarith": "1", "aqua": "B)2", "addsub": "3.0",
    "singleeq": "3.0", "boolq": "true",
    "piqa": "push it", "siqa": "ill", "arc-easy": "it 2", "arc-challenge": "three",
    "openbookqa": "none", "winogrande": "Ann", "hellaswag": "melts",
}  # fmt: skip
"""The right answer of the second row of each task's test part."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The texts of the configuration, of whose parts each has other rows."""
    parts = {"test": 0, "train": 1000, "validation": 2000}

    def load_dataset(repository, subset, *, split, revision):
        return [ROWS[repository, subset](n + parts[split]) for n in range(1, ITEMS + 1)]

    with studies.inside(tmp_path_factory.mktemp("published")), pytest.MonkeyPatch.context() as own:
        raw = with_folders(yaml.safe_load((CONFIG / "paper/reasoning.yaml").read_text()))
        for task in raw["data"]["tasks"]:
            if isinstance(task.get("held_out"), int):
                task["held_out"] = 5  # of the few rows
        own.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
        own.setitem(sys.modules, "huggingface_hub", hub_folders.Hub("a" * 40))
        folder = studies.make(Study(parse(raw), "bf16", Path()).dataset)
        return texts.load(folder), store.read_json(folder / "run.json")["facts"]


def test_every_published_task_gives_items_with_its_right_answers(prepared):
    loaded, facts = prepared
    asked = loaded.items[loaded.items["split"] == "test"]
    assert list(loaded.tasks) == [*EXPECTED]
    assert {name: own["answer"].iloc[1] for name, own in asked.groupby("task")} == EXPECTED
    counts = loaded.items.groupby(["task", "split"]).size().unstack(fill_value=0)
    assert (counts["test"] == ITEMS - (counts.index == "openbookqa")).all()
    assert set(counts.index[counts["train"] == 0]) == {"addsub", "singleeq"}  # only asked
    moving = [note for note in facts["notes"] if f"is {'a' * 40} now" in note]
    assert len(moving) == len(facts["hub"]) == len(EXPECTED) - 2  # two are of files
    note, misread = (note for note in facts["notes"] if note not in moving)
    assert "task aqua: of 30 of 30 test items `parse: first-letter` reads another" in misread
    assert note.startswith("task openbookqa: 1 of 30 rows of allenai/openbookqa (test) make no")


def test_worked_solutions_stand_where_the_data_set_has_them(prepared):
    loaded, _ = prepared
    items = loaded.items[loaded.items["split"] == "test"].groupby("task")["trace"].first()
    traced = {name for name, trace in items.items() if trace}
    assert traced == {"gsm8k", "svamp", "aqua"}
    assert items["gsm8k"] == "1 and 1 is <<1+1=2>>2"
    assert loaded.tasks["aqua"]["rule"] == "first-letter"
