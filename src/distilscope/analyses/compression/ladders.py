"""Ladders: the models that one original was compressed to in one way, the mildest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from distilscope import catalog


@dataclass(frozen=True)
class Rung:
    """A compressed model.

    Attributes:
        model, original: ids. way: how it is compressed. value: how strongly.
        label: of the value in words.
    """

    model: str
    original: str
    way: str
    value: Any
    label: str


def rung(model: str, original: str, parameters: Mapping[str, Any]) -> Rung:
    """Of a compressed model, by the parameters of its condition."""
    (way,) = (name for name in parameters if name in catalog.COMPRESSIONS)
    value = parameters[way]
    return Rung(model, original, way, value, catalog.COMPRESSIONS[way].said(value))


def ladders(rungs: Iterable[Rung]) -> dict[tuple[str, str], list[Rung]]:
    """(original, way) -> its rungs by how much they take away."""
    found: dict[tuple[str, str], list[Rung]] = {}
    for each in rungs:
        found.setdefault((each.original, each.way), []).append(each)
    return {
        key: sorted(own, key=lambda r: catalog.COMPRESSIONS[r.way].severity(r.value))
        for key, own in found.items()
    }
