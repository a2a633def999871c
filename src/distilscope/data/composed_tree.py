"""Composed objects of 24 classes that share parts by a tree: how they are related is known.

From the trunk: what an object stands on (wheel, leg or hull), what is on top of it (two choices
that no other base has), whether it has windows, whether it has an eye. The nearer two classes part
ways to the leaves, the more of their parts are the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

TOPS: Mapping[str, tuple[str, str]] = {
    "wheel": ("roof", "funnel"),
    "leg": ("wing", "tail"),
    "hull": ("sail", "flag"),
}
"""What an object stands on -> what may be on top of it."""

DETAILS = ("window", "eye")
"""Parts that are there or not, in the order in which the tree branches."""


def _paths() -> dict[str, tuple[str, ...]]:
    """Class -> its branch at each level: a part, or nothing where a detail is not there."""
    found = {}
    for base, tops in TOPS.items():
        for top in tops:
            for there in itertools.product((False, True), repeat=len(DETAILS)):
                details = [
                    name if shown else "" for name, shown in zip(DETAILS, there, strict=True)
                ]
                path = (base, top, *details)
                found[" ".join(filter(None, path))] = path
    return found


PATHS = _paths()
CLASSES: Mapping[str, tuple[str, ...]] = {
    name: tuple(filter(None, path)) for name, path in PATHS.items()
}
"""Class -> the parts that decide it."""


def relations() -> np.ndarray:
    """int (24, 24): the branches that two classes have in common from the trunk, 4 with itself."""
    return np.array([[_common(a, b) for b in PATHS.values()] for a in PATHS.values()])


def _common(first: tuple[str, ...], second: tuple[str, ...]) -> int:
    pairs = zip(first, second, strict=True)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
