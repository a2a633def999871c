"""A folder of pictures, and models that are files alone: an exported program and one of ONNX."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from .making import begin
from .test_own_models import CHEAP, slugs

SEEN = {"mean": [0.5] * 3, "std": [0.25] * 3, "size": 32, "resize": 40}
CLASSES = 4


class Net(nn.Module):
    """Two stages and a head; it returns what it saw beside its logits."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer1 = nn.Sequential(nn.Conv2d(3, width, 3, 2, 1), nn.ReLU())
        self.layer2 = nn.Sequential(nn.Conv2d(width, width, 3, 2, 1), nn.ReLU())
        self.head = nn.Linear(width, CLASSES)

    def forward(self, images):
        seen = self.layer2(self.layer1(images)).mean(dim=(2, 3))
        return {"logits": self.head(seen), "seen": seen}


class Logits(Net):
    def forward(self, images):
        return super().forward(images)["logits"]


def pictures(place) -> str:
    """Photographs of four hues, of any size, as webp and png."""
    draw = np.random.default_rng(0)
    for label in range(CLASSES):
        (place / f"hue{label}").mkdir(parents=True)
        for number in range(15):
            pixels = draw.integers(0, 90, (44 + number, 50, 3), dtype=np.uint8)
            pixels[10:30, 10:30, label % 3] += np.uint8(40 * (label + 1))
            kind = ("webp", "png")[number % 2]
            Image.fromarray(pixels).save(place / f"hue{label}" / f"{number}.{kind}")
    return str(place)


@pytest.mark.filterwarnings("ignore")  # that an exporter of ONNX is deprecated
def test_programs_are_compared_on_pictures_with_maps_at_their_layers(tmp_path, made):
    pytest.importorskip("onnx2torch", reason="the optional extra onnx is not installed")
    torch.manual_seed(3)
    example = (torch.randn(2, 3, 32, 32),)
    torch.export.save(torch.export.export(Net(8).eval(), example), tmp_path / "teacher.pt2")
    torch.onnx.export(
        Logits(6).eval(), example, str(tmp_path / "student.onnx"), dynamo=False,
        input_names=["images"], dynamic_axes={"images": {0: "number"}},
    )  # fmt: skip
    begin(
        tmp_path,
        **{
            **CHEAP,
            "allow_code": True,
            "data": {
                "name": "pictures",
                "path": pictures(tmp_path / "pictures"),
                "image_size": 32,
                "resize": 40,
            },
        },
        teachers={
            "big": {
                "program": str(tmp_path / "teacher.pt2"),
                "output": "logits",
                "preprocessing": SEEN,
                "layers": {"first": "layer1", "last": "layer2"},
                "explained": ["last"],
            }
        },
        students={
            "small": {
                "program": str(tmp_path / "student.onnx"),
                "preprocessing": SEEN,
                "layers": {"first": "layer1/layer1/1/Relu", "last": "layer2/layer2/1/Relu"},
                "explained": ["last"],
            }
        },
        grid=[],
        stand_ins=[{"of": "big"}],
        analyses=["outputs", "alignment", "representation", "masking"],
    )
    done = made(tmp_path)
    assert done.ended_well, done.said
    assert {run["facts"]["format"] for run in slugs(tmp_path, "programs").values()} == {
        "torch.export",
        "ONNX",
    }
    measures = pd.read_parquet(tmp_path / "results/tiny/measures.parquet")
    of_small = measures[(measures.model == "small") & (measures.reference == "big")]
    rho = of_small[(of_small.measure == "image_specific_rho") & of_small.headline]
    assert rho.value.notna().any()
    models = pd.read_parquet(tmp_path / "results/tiny/models.parquet").set_index("id")
    assert models.loc["big", "parameters"] == sum(p.numel() for p in Net(8).parameters())
    (folder,) = (tmp_path / "results/store/observations").glob("small.*/test")
    logits = pd.read_parquet(folder / "logits.parquet")
    assert len(logits) == 4 * 15 and len(logits.logits[0]) == CLASSES
    manifest = next((tmp_path / "results/store/datasets").glob("*/manifest.json"))
    assert json.loads(manifest.read_text())["counts"]["test"] == 60
