"""The causal check of given models whose reasons are known: each reads one area, nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from safetensors.torch import save_file

from .making import in_this_process

CLASSES = ("red", "green", "blue")
SIDE, HALF, EACH = 16, 8, 20
SHARP = 12.0
READER = """
import torch
from torch import nn


class Reader(nn.Module):
    \"\"\"Sums the colours of one corner: the upper left or the lower right one.\"\"\"

    def __init__(self, upper):
        super().__init__()
        mask = torch.zeros(1, 1, 16, 16)
        mask[..., :8, :8] = 1
        self.register_buffer("mask", mask if upper else mask.flip(2, 3), persistent=False)
        self.read, self.head = nn.Identity(), nn.Linear(3, 3)

    def forward(self, inputs):
        return self.head(self.read(inputs.relu() * self.mask).mean(dim=(2, 3)))


def build(classes, channels, upper=True):
    return Reader(upper)
"""


def pictures(folder):
    """Grey noise; the upper left and the lower right corner both have the colour of the class."""
    random = np.random.default_rng(0)
    for place, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number in range(EACH):
            image = random.integers(90, 166, (SIDE, SIDE, 3)).astype(np.uint8)
            for corner in (image[:HALF, :HALF], image[HALF:, HALF:]):
                corner[:] = 0
                corner[..., place] = 255
            Image.fromarray(image).save(folder / name / f"{number}.png")


def reader(folder, name, upper):
    """The entry of a given model: its weights are known, nothing is learned."""
    import torch

    weights = {"head.weight": SHARP * torch.eye(3), "head.bias": torch.zeros(3)}
    save_file(weights, folder / f"{name}.safetensors")
    half = [0.5, 0.5, 0.5]
    return {
        "architecture": "reader:build",
        "settings": {"upper": upper},
        "weights": str(folder / f"{name}.safetensors"),
        "preprocessing": {"mean": half, "std": half, "size": SIDE, "resize": SIDE},
        "layers": {"read": "read"},
        "explained": ["read"],
        "head": "head",
    }


@pytest.fixture(scope="module")
def measures(tmp_path_factory):
    """What the study says of a reader of the teacher's corner and of one of the other corner."""
    folder = tmp_path_factory.mktemp("readers")
    pictures(folder / "pictures")
    (folder / "reader.py").write_text(READER)
    study = {
        "study": "readers",
        "title": "Readers of one corner",
        "allow_code": True,
        "data": {"name": "pictures", "path": str(folder / "pictures"), "image_size": SIDE}
        | {"classes": list(CLASSES)},
        "teachers": {"upper": reader(folder, "upper", True)},
        "students": {
            "alike": reader(folder, "alike", True),
            "other": reader(folder, "other", False),
        },
        "observe": {"methods": ["gradcam"], "subset": {"images": 10}, "gram_batch": 30},
        "statistics": {"bootstrap": 100},
        # A quarter is the corner, whole and nothing else.
        "analyses": {"outputs": {}, "masking": {"top": 0.25}},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    done = in_this_process(folder)
    assert done.ended_well, done.said
    return pd.read_parquet(folder / "results/readers/measures.parquet")


def number(measures, model, name, area=None):
    rows = measures[(measures["model"] == model) & (measures["measure"] == name)]
    (row,) = rows[rows["variant"].isna() if area is None else rows["variant"] == area].to_dict(
        "records"
    )
    return row


def probability(seen):
    """Of the class where a share of the corner is seen: its colour is 1 there, the others 0."""
    logit = SHARP * seen / 4
    return np.exp(logit) / (np.exp(logit) + 2)


def test_a_model_that_reads_the_teachers_area_alone_loses_all_by_covering_it(measures):
    top = number(measures, "alike", "masking_drop", "top")
    assert top["value"] == pytest.approx(probability(1) - 1 / 3, abs=0.01) and top["n"] == 60
    excess = number(measures, "alike", "masking_excess")
    assert excess["low"] > 0.1


def test_it_loses_by_another_area_only_what_that_covers_of_it(measures):
    middle = number(measures, "alike", "masking_drop", "centre")
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    nearest = np.argsort((rows**2 + columns**2).ravel(), kind="stable")[: HALF * HALF]
    row, column = np.divmod(nearest, SIDE)
    seen = 1 - ((row < HALF) & (column < HALF)).mean()
    assert middle["value"] == pytest.approx(probability(1) - probability(seen), abs=0.01)
    moved = number(measures, "alike", "masking_drop", "random")
    assert 0 < moved["value"] < number(measures, "alike", "masking_drop", "top")["value"] / 2


def test_a_model_that_reads_another_area_loses_nothing_by_covering_the_teachers(measures):
    top = number(measures, "other", "masking_drop", "top")
    assert [top[key] for key in ("value", "low", "high")] == pytest.approx([0, 0, 0], abs=1e-6)
    assert number(measures, "other", "masking_excess")["high"] < 0
