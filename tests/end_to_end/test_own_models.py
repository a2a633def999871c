"""Models of the user's own: an audit without training, fine-tuning from a file, a factory."""

from __future__ import annotations

import json

import pandas as pd
import torch
import yaml
from torchvision.models import resnet18

from distilscope.models import build

from .making import begin

SHORT = {"epochs": 1, "batch": 64, "optimizer": {"lr": 0.01}, "views": {"per_image": 1}}
CHEAP = {
    "data": {
        "name": "fashion-mnist-subset",
        "fit": "pad",
        "held_out": {"fraction": 0.25},
        "limit": {"train": 12, "test": 8},
    },
    "recipes": {"short": SHORT},
    "observe": {"methods": ["gradcam"], "gram_batch": 40},
    "floors": [],
}
FACTORY = '''
"""A network of the user's."""

from torch import nn


def build(classes, channels, width=8):
    body = [nn.Conv2d(channels, width, 3, stride=4), nn.ReLU()]
    body += [nn.Conv2d(width, width, 3), nn.ReLU()]
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))
'''


def claims_of_given_models(folder):
    """A file that claims something of a given model and something of a compressed one."""
    of = {"form": "against-constant", "measure": "accuracy"}
    own = {"source": "here", "family": "own", "direction": "higher"}
    claimed = [
        {"id": "right", "arm": {"network": "shipped"}, "constant": -0.1},
        {"id": "wrong", "arm": {"role": "compressed", "prune": 0.5}, "constant": 0.9},
    ]
    claims = [
        {"id": (name := each.pop("id")), "sentence": name, "delta": 0.0, **own}
        | {"statement": {**of, **each}}
        for each in claimed
    ]
    file = {"study": "own", "source": "here", "dataset": "own", "claims": claims}
    (folder / "claims.yaml").write_text(yaml.safe_dump(file))
    return folder / "claims.yaml"


def slugs(folder, kind: str) -> dict[str, dict]:
    """run.json of every artefact of a kind, by slug."""
    found = (folder / "results/store" / kind).glob("*/run.json")
    return {run["slug"]: run for run in (json.loads(path.read_text()) for path in found)}


def test_an_audit_of_models_that_somebody_has_trains_nothing(tmp_path, made):
    settings = {"depth": 18, "width": 8, "stem": "small"}
    network = {"builder": "distilscope.models.resnet:build", "settings": settings}
    torch.save(build.build(network, classes=10, seed=1).state_dict(), tmp_path / "teacher.pt")
    torch.save(
        {
            "state_dict": {
                f"module.{k}": v for k, v in resnet18(num_classes=10).state_dict().items()
            }
        },
        tmp_path / "student.pt",
    )
    begin(
        tmp_path,
        **CHEAP,
        teachers={
            "mine": {
                "architecture": "resnet18",
                "settings": {"width": 8},
                "weights": str(tmp_path / "teacher.pt"),
            }
        },
        students={
            "shipped": {
                "architecture": "torchvision/resnet18",
                "weights": str(tmp_path / "student.pt"),
                "preprocessing": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
                "layers": {"mid": "layer3", "late": "layer4"},
                "explained": ["late", "mid"],  # not the order of the alphabet
                "head": "fc",
            }
        },
        grid=[],
        compress=[{"of": "shipped", "prune": [0.5], "quantise": "int8-static"}],
        stand_ins=[{"of": "mine"}],
        analyses=[*("outputs", "alignment", "representation", "compression", "masking")],
        claims=str(claims_of_given_models(tmp_path)),
    )
    done = made(tmp_path)
    assert done.ended_well, done.said
    runs = slugs(tmp_path, "models")
    assert {name: run["settings"]["kind"] for name, run in runs.items()} == {
        "mine": "given",
        "shipped": "given",
    }
    models = pd.read_parquet(tmp_path / "results/tiny/models.parquet").set_index("id")
    assert models.loc["shipped", "parameters"] == 11_181_642  # torchvision's, with ten classes
    measures = pd.read_parquet(tmp_path / "results/tiny/measures.parquet")
    compared = measures[(measures.model == "shipped") & (measures.measure == "rho")]
    assert set(compared.reference) == {"mine"}
    assert json.loads(models.loc["shipped", "explained"]) == ["late", "mid"]
    page = (tmp_path / "results/tiny/report.html").read_text()
    for false in ("distilled student", "Each recipe was trained once", "teacher and twin both"):
        assert false not in page
    changed = ("shipped-prune0.5", "shipped-int8-static", "mine-noise0.1-mirrored-n0")
    assert set(changed) <= set(models.index)
    for name in ("mine", "shipped", *changed):
        excess = measures[(measures.model == name) & (measures.measure == "masking_excess")]
        assert len(excess) == 1, name
    snr = measures[(measures.measure == "layer_snr") & (measures.model == "shipped-prune0.5")]
    assert sorted(snr.layer) == ["late", "mid"] and (snr.low < snr.value).all()
    verdicts = pd.read_parquet(tmp_path / "results/tiny/claims.parquet").set_index("claim")
    assert list(verdicts.verdict) == ["supported", "contradicted"]
    for words in ("shipped, 50 % pruned", "Integers have no gradient", "Which layer suffers most"):
        assert words in page


def test_fine_tuning_from_a_file_names_the_tensors_that_it_replaced(tmp_path, made):
    saved = resnet18(num_classes=1000)
    torch.save(saved.state_dict(), tmp_path / "imagenet-like.pt")
    begin(
        tmp_path,
        **CHEAP,
        teachers={
            "big": {
                "architecture": "resnet18",
                "init": str(tmp_path / "imagenet-like.pt"),
                "recipe": "short",
            }
        },
        students={"tiny": {"architecture": "plain-tiny", "recipe": "short"}},
        grid=[{"objective": "kd", "students": ["tiny"], "T": 4, "alpha": 0.9}],
    )
    done = made(tmp_path)
    assert done.ended_well, done.said
    facts = slugs(tmp_path, "models")["big-s0"]["facts"]
    assert sorted(facts["replaced"]) == ["conv1.weight", "fc.bias", "fc.weight"]


def test_a_factory_whose_layer_is_not_there_is_refused_before_any_training(tmp_path, made):
    (tmp_path / "mynets.py").write_text(FACTORY)
    students = {
        "own": {
            "architecture": "mynets:build",
            "layers": {"first": "0", "last": "9"},
            "explained": ["last"],
            "recipe": "short",
        }
    }
    changes = {
        **CHEAP,
        "allow_code": True,
        "teachers": {"big": {"architecture": "plain-tiny", "recipe": "short"}},
        "grid": [{"objective": "ce", "students": ["own"]}],
    }
    begin(tmp_path, **changes, students=students)
    done = made(tmp_path)
    assert not done.ended_well
    assert "own:" in done.said
    assert "'9'" in done.said
    assert not list((tmp_path / "results/store").glob("models/*/weights.safetensors"))

    students["own"]["layers"]["last"] = "2"
    begin(tmp_path, **changes, students=students)
    done = made(tmp_path)
    assert done.ended_well, done.said
    assert "own-ce-s1" in slugs(tmp_path, "models")
