"""The classes that models of different outputs have in common, by their names."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distilscope.words import count, listed

SHARED = "shared"
"""`data.classes` of a study that compares the classes which all of its models know."""
NAMED = 5
"""Classes that a message names."""
FEWEST = 2


@dataclass(frozen=True)
class Shared:
    """Classes of several models.

    Attributes:
        names: those that all know, in the order of the first model.
        left: those that some know and others don't, in the order in which they come.
    """

    names: list[str]
    left: list[str]


def shared(known: Mapping[str, Sequence[str]]) -> Shared:
    """What models have in common. Names are compared in Unicode's composed form.

    Args:
        known: model -> the names of its outputs.

    Raises:
        ValueError: fewer than two classes are known to all; the lists are named.
    """
    lists = {model: [composed(name) for name in names] for model, names in known.items()}
    every = dict.fromkeys(name for names in lists.values() for name in names)
    common = set.intersection(*map(set, lists.values()))
    found = Shared(
        [name for name in every if name in common], [name for name in every if name not in common]
    )
    if len(found.names) < FEWEST:
        own = listed([f"{model}'s are {first(names)}" for model, names in lists.items()])
        also = f", {found.names[0]!r}" if found.names else ""
        raise ValueError(
            f"the models share {count(len(found.names), 'class', 'classes')} by name{also}, and "
            f"{FEWEST} or more are needed: {own}; give the same class the same name in each list"
        )
    return found


def composed(name: str) -> str:
    """The name in the form in which names are compared (NFC)."""
    return unicodedata.normalize("NFC", name)


def first(names: Sequence[str]) -> str:
    """The first few of them, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
