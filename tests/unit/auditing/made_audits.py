"""Models, pictures and options of audits that tests ask for."""

import argparse

import torch
from PIL import Image

from distilscope.auditing import asking, inspecting
from distilscope.auditing.request import Given
from distilscope.models.build import build

FIVE = ["ant", "bee", "cat", "dog", "emu"]
SEEN = "{mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], size: 32, resize: 40}"
FACTORY = """
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self, classes, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3, padding=1)
        self.fc = nn.Linear(4, classes)
        nn.init.zeros_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)

    def forward(self, images):
        return self.fc(F.relu(self.conv(images)).mean((2, 3)))
"""


def saved(path, classes, wrapped=False):
    network = build(plain_tiny(), classes)
    state = network.state_dict()
    torch.save(
        {"state_dict": {f"module.{n}": t for n, t in state.items()}} if wrapped else state, path
    )
    return str(path)


def plain_tiny():
    return inspecting._settings(Given("tiny", "-", "plain-tiny"))


def pictures(folder, classes):
    for name in classes:
        (folder / name).mkdir(parents=True)
        Image.new("RGB", (40, 40)).save(folder / name / "a.png")
    return str(folder)


def options(*typed):
    parser = argparse.ArgumentParser()
    parser.add_argument("--configuration")
    asking.add_arguments(parser)
    return parser.parse_args([*map(str, typed), "--preprocessing", SEEN])
