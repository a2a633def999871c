"""Ladders: the models that one original was compressed to in one way, the mildest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Rung:
    """A compressed model.

    Attributes:
        model, original: ids. way: how it is compressed. label: how strongly, in words.
        severity: larger where more is taken away. maps: what its maps are of, in words, where it
            has no gradient itself.
    """

    model: str
    original: str
    way: str
    label: str
    severity: float
    maps: str = ""


def ladders(rungs: Iterable[Rung]) -> dict[tuple[str, str], list[Rung]]:
    """(original, way) -> its rungs by how much they take away."""
    found: dict[tuple[str, str], list[Rung]] = {}
    for each in rungs:
        found.setdefault((each.original, each.way), []).append(each)
    return {key: sorted(own, key=lambda rung: rung.severity) for key, own in found.items()}
