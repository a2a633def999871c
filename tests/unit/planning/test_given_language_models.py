"""Plans of language models that people have, and the published study's, which is never run here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from distilscope.configuration.kinds import ConfigurationError, NotHere
from distilscope.configuration.study import parse
from distilscope.planning.study import Study
from tests import hub_folders

CONFIG = Path(__file__).parents[3] / "config"
DOCS = CONFIG.parent / "docs"
FAMILIES = {"Qwen2.5": {"model_type": "qwen2"}, "Llama-3": {"model_type": "llama"}}


def published(name):
    return yaml.safe_load((CONFIG / f"paper/{name}.yaml").read_text())


def with_folders(raw):
    """Tiny random models of the same architectures, and the tasks of files, in the places that a
    configuration names.
    """
    hub_folders.write_published_tasks(Path("data/kd-generalization"))
    for entry in [*raw["teachers"].values(), *raw["students"].values()]:
        folder = Path(entry["init"])
        if not folder.exists():
            family = next(own for name, own in FAMILIES.items() if folder.name.startswith(name))
            hub_folders.write_model(folder, **family)
    return raw


@pytest.mark.parametrize(
    ("name", "pairs"), [("reasoning", (2 * 3 + 2 + 1)), ("reasoning-llama", 2)]
)
def test_the_published_pairs_are_planned_with_three_arms_and_three_seeds(name, pairs):
    raw = with_folders(published(name))
    study = Study(parse(raw), "bf16", Path())
    distilled = [model for model in study.models if model.role == "student"]
    assert len(distilled) == pairs * 3 * 3
    controls = [model for model in study.models if model.role == "control"]
    assert len(controls) == 3 * len(raw["students"])
    settings = study.dataset.settings
    assert [task["name"] for task in settings["tasks"]] == [
        *("gsm8k", "svamp", "multiarith", "aqua", "addsub", "singleeq"),
        *("boolq", "piqa", "siqa", "arc-easy", "arc-challenge", "openbookqa"),
        *("winogrande", "hellaswag"),
    ]
    assert str(Path("models")) not in str(settings)  # no place is a part of an identity


def test_both_published_configurations_have_the_same_tasks():
    one, other = (published(name)["data"]["tasks"] for name in ("reasoning", "reasoning-llama"))
    assert one == other


def test_a_model_that_is_not_on_disk_is_told_where_to_go():
    raw = published("reasoning")
    hub_folders.write_tokenizer(Path(raw["data"]["tokenizer"]))
    hub_folders.write_published_tasks(Path("data/kd-generalization"))
    with pytest.raises(NotHere, match=r"there is no models/Qwen2.5-3B/config.json: put the model"):
        Study(parse(raw), "bf16", Path())


def test_published_tasks_of_files_are_told_where_to_go_beside_those_of_the_hub():
    raw = with_folders(published("reasoning"))
    Path("data/kd-generalization/singleeq.test.jsonl").unlink()
    with pytest.raises(NotHere, match=r"data.singleeq.test: there is no file .*a line"):
        Study(parse(raw), "bf16", Path())


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("data/smollm2/model/tokenizer", r"put the tokenizer there \(tokenizer.json.*hf download"),
        ("data/smollm2/tasks/piqa.test.jsonl", "a file with a line of JSON for each item is"),
    ],
)
def test_what_of_the_data_is_not_on_disk_is_told_what_should_be_there(missing, said):
    raw = night()
    text = yaml.safe_dump(raw)
    if missing.endswith("tokenizer"):
        text = text.replace("tokenizer: data/smollm2/model", "tokenizer: data/none")
    else:
        Path(missing).unlink()
    with pytest.raises(NotHere, match=f"there is no file or folder at .*: {said}"):
        Study(parse(yaml.safe_load(text)), "fp32", Path())


@pytest.mark.parametrize("entry", ["weights", "init"])
def test_a_missing_part_of_the_weights_is_named(entry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    raw = night()
    del raw["teachers"]["tuned" if entry == "weights" else "zero-shot"]
    raw["grid"] = raw["grid"][:1]
    index = Path("data/smollm2/model/model.safetensors.index.json")
    missing = index.with_name("model-00002-of-00002.safetensors")
    Study(parse(raw), "fp32", Path())
    missing.unlink()
    said = r"index.json names model-00002-of-00002.safetensors, which is not there \(1 of 2 files"
    with pytest.raises(NotHere, match=said):
        Study(parse(raw), "fp32", Path())
    index.write_text("{}")
    with pytest.raises(ConfigurationError, match=r"index.json can't be read \(KeyError"):
        Study(parse(raw), "fp32", Path())


def night():
    raw = yaml.safe_load((CONFIG / "overnight/reasoning-smollm2.yaml").read_text())
    hub_folders.write_model(Path("data/smollm2/model"), num_hidden_layers=30)
    tasks = hub_folders.write_tasks(Path("made"))
    for task in raw["data"]["tasks"]:
        for part in ("train", "held_out", "test"):
            if isinstance(task.get(part), str):
                Path(task[part]).parent.mkdir(parents=True, exist_ok=True)
                own = tasks / f"facts.{part.replace('_', '-')}.jsonl"
                Path(task[part]).write_text(own.read_text())
    return raw


def test_the_whole_study_that_the_documents_show_is_planned():
    (text,) = re.findall(r"```yaml\n(study: .*?)```", (DOCS / "tasks.md").read_text(), re.DOTALL)
    for name in ("large", "small"):
        hub_folders.write_model(Path("models") / name)
    tasks = hub_folders.write_tasks(Path("made"))
    for part in ("train", "test"):
        Path(f"capitals.{part}.jsonl").write_text((tasks / f"facts.{part}.jsonl").read_text())
    study = Study(parse(yaml.safe_load(text)), "fp32", Path())
    roles = [model.role for model in study.models]
    assert roles == ["teacher", *["student"] * 3, *["control"] * 3]
    (table,) = study.of_kind("targets")
    assert table.settings["keeps"] == "hidden"


def test_identities_follow_the_contents_of_files_and_not_their_places():
    raw = night()
    before = Study(parse(raw), "fp32", Path())
    cut = next(model for model in before.models if model.role == "control").artefact
    assert cut.settings["architecture"]["settings"]["kept"] == [*range(12), *range(22, 30)]
    assert cut.settings["init"]["from"] == "file"
    Path("data/smollm2").rename("data/elsewhere")
    text = yaml.safe_dump(raw).replace("data/smollm2", "data/elsewhere")
    moved = Study(parse(yaml.safe_load(text)), "fp32", Path())
    assert [m.artefact.identity for m in moved.models] == [
        m.artefact.identity for m in before.models
    ]
    path = Path("data/elsewhere/tasks/piqa.test.jsonl")
    path.write_text(path.read_text() + "\n")
    edited = Study(parse(yaml.safe_load(text)), "fp32", Path())
    assert edited.dataset.identity != before.dataset.identity


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda raw: raw["data"]["tasks"].append(raw["data"]["tasks"][0]), "'arc-easy' occurs"),
        (lambda raw: raw["data"]["tasks"][0].update(prompt="Q:"), r"has no \{question\}"),
        (lambda raw: raw["data"]["tasks"][1].update(held_out=5), "a part of `train`, which it has"),
        (
            lambda raw: raw["recipes"]["student"].update(taught="wrong-facts"),
            "jsonl-tasks has gold",
        ),
        (lambda raw: raw["data"]["tasks"][0].update(parse="last-word"), "'last-word' is none of"),
    ],
)
def test_what_files_have_no_use_for_is_refused(edit, said):
    raw = yaml.safe_load((CONFIG / "overnight/reasoning-smollm2.yaml").read_text())
    edit(raw)
    with pytest.raises(ConfigurationError, match=said):
        parse(raw)


def test_a_recipe_may_teach_some_tasks_of_files_and_no_others():
    raw = yaml.safe_load((CONFIG / "overnight/reasoning-smollm2.yaml").read_text())
    raw["recipes"]["tuned"]["tasks"] = ["openbookqa"]
    parse(raw)
    raw["recipes"]["tuned"]["tasks"] = ["openbook"]
    with pytest.raises(ConfigurationError, match="did you mean 'openbookqa'"):
        parse(raw)
