"""`distilscope audit` of language models: two folders, a file of items, and what is said of them.

The oracle is the library alone: log-likelihoods of choices by transformers, an item at a time.
"""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch

from distilscope.__main__ import main
from tests import hub_folders
from tests.reliability import studies

from .making import audits_in_this_process

pytestmark = pytest.mark.long(1)

SCHEMA = json.loads((studies.REPOSITORY / "workflow/schemas/audit.schema.json").read_text())
USUAL = (
    "audit",
    "--teacher",
    "models/large",
    "--student",
    "models/small",
    "--tasks",
    "facts.jsonl",
)
BOUND = "answer_agreement <= 0.01"
"""Of random weights no answer can be read, and those agree with nothing."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("asked")
    hub_folders.write_model(folder / "models/large", hidden_size=32)
    hub_folders.write_model(folder / "models/small", num_hidden_layers=3)
    items = hub_folders.QUESTIONS["facts"]
    (folder / "facts.jsonl").write_text("".join(f"{json.dumps(item)}\n" for item in items))
    return folder


@pytest.fixture
def audit(place, monkeypatch, capsys):
    """The command in that folder: (exit code, what it printed, kinds that were made)."""
    monkeypatch.chdir(place)
    made = audits_in_this_process(monkeypatch)

    def call(*further):
        made.clear()
        code = main([*USUAL, *further])
        return code, capsys.readouterr(), [artefact.kind for artefact in made]

    return call


def record() -> dict:
    found = json.loads(Path("audit/audit.json").read_text())
    jsonschema.validate(found, SCHEMA)
    return found


def chosen(folder: Path) -> np.ndarray:
    """Which choice of each item is the likeliest behind its prompt."""
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    found = []
    for item in hub_folders.QUESTIONS["facts"]:
        prompt = f"Question: {item['question']}\nAnswer:"
        scores = []
        for choice in item["choices"]:
            start, whole = (tokenizer(t).input_ids for t in (prompt, f"{prompt} {choice}"))
            with torch.no_grad():
                logits = model.eval()(torch.tensor([whole])).logits[0].double()
            said = logits.log_softmax(-1)[torch.arange(len(whole) - 1), whole[1:]]
            scores.append(said[len(start) - 1 :].sum().item())
        found.append(int(np.argmax(scores)))
    return np.array(found)


def test_two_folders_and_a_file_end_in_numbers_an_answer_and_a_verdict(audit):
    code, said, _ = audit("--require", BOUND)
    assert code == 0, said.err
    found = record()
    assert {m["source"] for m in found["models"] if m["role"] != "floor"} == {"given"}
    items = hub_folders.QUESTIONS["facts"]
    assert found["images"] | {"identity": ""} == {
        **{"data": "jsonl-tasks", "identity": "", "count": len(items), "classes": 3},
        "unit": "items",
    }
    large, small = (chosen(Path("models") / name) for name in ("large", "small"))
    numbers = {
        (n["model"], n["measure"], n.get("subset")): n["value"]
        for n in found["numbers"]
        if n.get("headline")
    }
    right = np.array([item["choices"].index(item["answer"]) for item in items])
    assert numbers["small", "choice_accuracy", "all"] == pytest.approx(np.mean(small == right))
    assert numbers["large", "choice_accuracy", "all"] == pytest.approx(np.mean(large == right))
    assert numbers["small", "choice_agreement", "all"] == pytest.approx(np.mean(large == small))
    assert numbers["small", "agreement", "all"] == pytest.approx(np.mean(large == small))
    assert {model["role"] for model in found["models"]} == {"teacher", "student", "floor"}
    assert "agree with the teacher's choices on" in " ".join(found["answer"])
    assert not any("image" in text for text in (*found["answer"], *found["caveats"]))
    summary = Path("audit/audit.md").read_text()
    assert f"{len(items)} items with choices, at most 3 each" in summary
    assert "image" not in said.out

    again = audit("--require", BOUND)
    assert again[0] == 0 and again[2] == [], "what is there is made again"
    strict = audit("--require", "choice_agreement >= 1")
    assert strict[0] == 1 and set(strict[2]) == {"figures", "report"}
    beside = audit("--require", BOUND, "--earlier", "audit/audit.json")
    assert beside[0] == 0 and "0 got worse" in beside[1].out


def test_models_whose_tokens_differ_are_not_compared(audit, place):
    hub_folders.write_model(place / "models/other")
    path = place / "models/other/tokenizer.json"
    told = json.loads(path.read_text())
    vocabulary = told["model"]["vocab"]
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]
    path.write_text(json.dumps(told))
    code, said, _ = audit("--student", "models/other", "--output", "second")
    assert code == 2
    assert "other" in said.err and "token" in said.err
