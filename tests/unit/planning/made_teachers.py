"""A study of two teacher entries, one of them with two seeds, as the tests of the plan vary it."""

from __future__ import annotations

import copy

from distilscope.configuration.study import parse
from distilscope.planning.study import Study

from .made_study import REPOSITORY

KD = {"objective": "kd", "students": ["tiny"], "T": 4, "alpha": 0.9}
CE = {"objective": "ce", "students": ["tiny"]}
NETWORK = {"architecture": "resnet18", "recipe": "short"}
RAW = {
    "study": "x",
    "title": "t",
    "seeds": [1, 2, 3],
    "data": {"name": "fashion-mnist-subset", "fit": "pad"},
    "recipes": {"short": {"epochs": 2, "optimizer": {"lr": 0.1}}},
    "teachers": {
        "a": {**NETWORK, "settings": {"width": 8}, "seeds": [1]},
        "b": {**NETWORK, "settings": {"width": 16}, "seeds": [1, 2]},
    },
    "students": {"tiny": {"architecture": "plain-tiny", "recipe": "short"}},
    "grid": [{**KD, "teachers": "each"}, CE],
    "floors": ["tiny"],
}


def study(**changes):
    return Study(parse({**copy.deepcopy(RAW), **copy.deepcopy(changes)}), "fp32", REPOSITORY)


def rows(made):
    """What the tables job gets of each model, by its id."""
    return {row["id"]: row for row in made.tables.settings["models"]}


def beside(made):
    """Model -> [(reference, relation)], as the tables job gets them."""
    return {
        name: [(one["reference"], one["relation"]) for one in row["comparisons"]]
        for name, row in rows(made).items()
    }
