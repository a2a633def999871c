"""`distilscope audit`: from models as files and a folder of pictures to an answer, an exit code."""

from __future__ import annotations

import json
import math
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file

from distilscope.__main__ import main
from distilscope.auditing import inspecting
from distilscope.auditing.request import Given
from distilscope.models.build import build
from tests.reliability import studies

from .making import audits_in_this_process

SCHEMA = json.loads((studies.REPOSITORY / "workflow/schemas/audit.schema.json").read_text())
SEEN = "{mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], size: 32, resize: 32}"
USUAL = (
    *("audit", "--teacher", "plain-small=teacher.pt", "--student", "plain-tiny=student.pt"),
    *("--images", "pictures", "--preprocessing", SEEN, "--output", "out"),
)
CLASSES, PICTURES = ("disc", "stripes", "noise"), 18


def draw(kind: str, generator: np.random.Generator) -> np.ndarray:
    """A picture of 40 by 36 pixels."""
    rows, columns = np.mgrid[:36, :40]
    ground = generator.uniform(0, 80, (36, 40, 3))
    if kind == "disc":
        centre = generator.uniform(10, 26, 2)
        ground[(rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < 60] += 150
    elif kind == "stripes":
        ground[(rows + generator.integers(6)) % 6 < 3] += 120
    return ground.astype(np.uint8)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with two models, pictures of three classes, and others without labels."""
    folder = tmp_path_factory.mktemp("audited")
    generator = np.random.default_rng(0)
    for kind in CLASSES:
        (folder / "pictures" / kind).mkdir(parents=True)
        for number in range(PICTURES):
            picture = Image.fromarray(draw(kind, generator))
            picture.save(folder / "pictures" / kind / f"{number}.png")
    (folder / "others").mkdir()
    for number in range(6):
        Image.fromarray(draw("noise", generator)).save(folder / "others" / f"{number}.png")
    for name, network, seed in (("teacher", "plain-small", 0), ("student", "plain-tiny", 1)):
        made = build(inspecting._settings(Given(name, "-", network)), len(CLASSES), seed=seed)
        torch.save({"state_dict": made.state_dict()}, folder / f"{name}.pt")
    return folder


@pytest.fixture
def audit(place, monkeypatch, capsys):
    """The command in that folder: (exit code, what it printed, kinds and slugs that were made)."""
    monkeypatch.chdir(place)
    made = audits_in_this_process(monkeypatch)

    def call(*further, usual=USUAL):
        made.clear()
        code = main([*usual, *further])
        return code, capsys.readouterr(), [(a.kind, a.slug) for a in made]

    return call


def record() -> dict:
    found = json.loads(Path("out/audit.json").read_text())
    jsonschema.validate(found, SCHEMA)
    return found


def test_an_audit_ends_with_the_table_the_answer_the_report_and_a_verdict(audit):
    code, said, made = audit("--require", "agreement >= 0")
    assert code == 0, said.err
    assert "plain-tiny" in said.out and "What is required is met" in said.out
    assert Path("results/out/report.html").is_file()
    assert "The report: results/out/report.html" in said.out
    found = record()
    assert found["verdict"] == "met" and found["images"]["count"] == len(CLASSES) * PICTURES
    roles = {model["role"] for model in found["models"]}
    assert {"teacher", "student", "floor", "stand-in"} <= roles
    measured = {number["measure"] for number in found["numbers"]}
    assert {"accuracy", "image_specific_rho", "masking_drop"} <= measured
    assert ("model", "plain-tiny") in made or ("given", "plain-tiny") in made
    again = audit("--require", "agreement >= 0")
    assert again[0] == 0 and again[2] == [], "what is there is made again"
    as_a_study = audit(usual=("audit", "--configuration", "out/audit.yaml"))
    assert as_a_study[0] == 0 and as_a_study[2] == [], "the study that it wrote is another one"


@pytest.mark.long(1)
@pytest.mark.parametrize(
    ("required", "code", "verdict"),
    [
        ("accuracy >= 0.99", 1, "fell short"),
        ("cka_debiased >= 0.5", 2, "could not be judged"),
    ],
)
def test_what_is_required_is_judged_without_computing_anything_again(
    audit, required, code, verdict
):
    audit("--require", "agreement >= 0")
    found, said, made = audit("--require", required)
    assert (found, record()["verdict"]) == (code, verdict)
    assert {kind for kind, _ in made} == {"figures", "report"}
    assert f"{verdict} ({required} of plain-tiny" in " ".join(said.out.split())


@pytest.mark.long(1)
def test_a_ladder_adds_what_is_new_and_nothing_else(audit):
    audit("--require", "agreement >= 0")
    code, _, made = audit("--compress", "plain-tiny:prune=0.9", "--require", "agreement >= 0")
    assert code == 0
    whole = ("tables", "figures", "report", "networks")
    assert {slug for kind, slug in made if kind not in whole} and all(
        "prune" in slug for kind, slug in made if kind not in whole
    )


@pytest.mark.long(1)
def test_an_earlier_audit_is_compared_with(audit):
    audit("--require", "agreement >= 0")
    Path("earlier.json").write_bytes(Path("out/audit.json").read_bytes())
    code, said, _ = audit("--earlier", "earlier.json", "--fail-on-fall")
    assert code == 0 and "0 got worse" in said.out
    assert record()["earlier"]["same_images"] is True
    raw = json.loads(Path("earlier.json").read_text())
    for number in raw["numbers"]:
        if number["model"] == "plain-tiny" and number["measure"] == "accuracy":
            number |= {"value": 1.0, "low": 0.999, "high": 1.0}
    Path("earlier.json").write_text(json.dumps(raw))
    code, said, _ = audit("--earlier", "earlier.json", "--fail-on-fall")
    assert code == 1 and "accuracy of plain-tiny: 1.000 to" in said.out


def test_pictures_without_labels_are_audited_by_what_needs_none(audit):
    usual = tuple("bare" if word == "out" else word for word in USUAL)
    ladder = ("--held-out", "others", "--compress", "plain-tiny:quantise=int8-static")
    wanted = ("--require", "accuracy of plain-tiny >= 0.1")
    code, said, _ = audit("--labels", "none", *ladder, *wanted, usual=usual)
    assert code == 2 and "could not be judged (accuracy of plain-tiny" in " ".join(said.out.split())
    found = json.loads(Path("bare/audit.json").read_text())
    values = {n["measure"] for n in found["numbers"] if n["value"] is not None}
    assert {"agreement", "image_specific_rho"} <= values and "accuracy" not in values
    assert any("no labels" in caveat for caveat in found["caveats"])
    assert any("have no labels" in note for note in found["notes"]) and "To know:" in said.out


@pytest.mark.long(3)
def test_networks_of_timm_are_audited_as_their_configuration_says_they_see_pictures(audit):
    timm = pytest.importorskip("timm", reason="the optional extra timm is not installed")
    for name in ("test_resnet", "test_vit"):
        torch.manual_seed(0)
        network = timm.create_model(name, num_classes=len(CLASSES))
        save_file(network.state_dict(), f"{name}.safetensors")
    models = ("--teacher", "timm/test_resnet=test_resnet.safetensors")
    models += ("--student", "timm/test_vit=test_vit.safetensors")
    further = ("--images", "pictures", "--limit", "12", "--output", "of-timm")
    code, said, _ = audit("--require", "agreement >= 0", usual=("audit", *models, *further))
    assert code == 0, said.err
    study = yaml.safe_load(Path("of-timm/audit.yaml").read_text())
    for part, name in (("teachers", "test_resnet"), ("students", "test_vit")):
        own, meant = study[part][name]["preprocessing"], timm.get_pretrained_cfg(name)
        assert (own["mean"], own["std"]) == (list(meant.mean), list(meant.std))
        assert own["size"] == meant.input_size[1]
        assert own["resize"] == math.floor(own["size"] / meant.crop_pct)
        assert own["interpolation"] == meant.interpolation
    found = json.loads(Path("of-timm/audit.json").read_text())
    assert found["images"]["count"] == 12
    compared = {
        number["where"]["layer"]
        for number in found["numbers"]
        if number["model"] == "test_vit" and number["measure"] == "cka_debiased"
    }
    assert compared == {"blocks_0", "blocks_1", "blocks_3", "blocks_4"}


def test_neither_another_audits_report_nor_an_edited_study_is_written_over(audit):
    required = ("--require", "agreement >= 0")
    audit(*required)
    report = Path("results/out/report.html").read_bytes()
    other = tuple("elsewhere/out" if word == "out" else word for word in USUAL)
    code, said, made = audit(*required, usual=other)
    assert (code, made) == (2, []) and "such as elsewhere/out-2" in said.err
    assert Path("results/out/report.html").read_bytes() == report
    assert not Path("elsewhere").exists()
    study = Path("out/audit.yaml")
    written = study.read_text()
    study.write_text(written.replace("title: Audit of", "title: My audit of"))
    code, said, made = audit(*required)
    assert (code, made) == (2, []) and "--configuration out/audit.yaml" in said.err
    code, said, _ = audit(usual=("audit", "--configuration", "out/audit.yaml"))
    assert code == 0 and "My audit of" in record()["title"]
    study.write_text(written)
    assert audit(*required)[0] == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pictures": "nowhere"}, "nowhere"),
        ({"plain-tiny=student.pt": "plain-tny=student.pt"}, "plain-tiny"),
        ({"plain-tiny=student.pt": "plain-tiny=lost.pt"}, "lost.pt"),
        ({"out": "none", SEEN: "{mean: [0.5]}"}, "mean"),
        ({"out": "teacher.pt"}, "--output teacher.pt: teacher.pt is a file"),
        ({"out": "teacher.pt/of"}, "--output teacher.pt/of: teacher.pt is a file"),
    ],
)
def test_what_cannot_be_used_ends_with_2_and_the_reason(audit, changes, words):
    code, said, made = audit(usual=tuple(changes.get(word, word) for word in USUAL))
    assert (code, made) == (2, []) and words in said.err
