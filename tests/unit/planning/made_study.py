"""A study of two students, two teachers and a twin, as the tests of the plan vary it."""

from __future__ import annotations

import copy
from pathlib import Path

from distilscope.configuration.study import parse
from distilscope.planning.study import Study

REPOSITORY = Path(__file__).resolve().parents[3]

RAW = {
    "study": "x",
    "title": "t",
    "seeds": [1, 2, 3],
    "data": {"name": "fashion-mnist-subset", "fit": "pad"},
    "recipes": {"short": {"epochs": 2, "optimizer": {"lr": 0.1}}},
    "teachers": {
        "big": {"architecture": "resnet18", "recipe": "short", "seeds": [10, 20], "twins": [30]}
    },
    "students": {
        "tiny": {"architecture": "plain-tiny", "recipe": "short"},
        "small": {"architecture": "plain-small", "recipe": "short"},
    },
    "grid": [
        {"objective": "kd", "students": ["tiny"], "T": [2, 4], "alpha": [0, 0.9]},
        {"objective": "ce", "students": ["tiny", "small"]},
    ],
    "floors": ["tiny"],
}


def study(precision="fp32", **changes):
    raw = {**copy.deepcopy(RAW), **changes}
    return Study(parse(raw), precision, REPOSITORY)


USUAL = {"outputs": {}, "alignment": {}, "representation": {}, "sweeps": {}}


def asking(**analyses):
    """The usual analyses and these."""
    return {**USUAL, **analyses}


def identities(made):
    return {model.id: model.artefact.identity for model in made.models}
