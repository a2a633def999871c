"""The ways to count a part's importance; docs/parts.md has the definitions."""

from __future__ import annotations

from dataclasses import dataclass

from distilscope.catalog import lookup


@dataclass(frozen=True)
class Importance:
    """How a part's importance is counted.

    Attributes:
        of: `absolute`, `positive` or `signed`: |A|, max(A, 0) or A itself.
        per: `map` for the share of the whole map's, `area` for that share over the part's share of
            the image, `nothing` for the plain sum.
        words: what it is called in figures.
    """

    of: str
    per: str
    words: str


IMPORTANCES: dict[str, Importance] = {
    "mass_absolute": Importance("absolute", "map", "mass of |map|"),
    "mass_positive": Importance("positive", "map", "mass of the positive map"),
    "density_absolute": Importance("absolute", "area", "density of |map|"),
    "density_positive": Importance("positive", "area", "density of the positive map"),
    "sum_signed": Importance("signed", "nothing", "signed sum"),
}


def importance(name: str) -> Importance:
    """The importance of that name; an `UnknownName` error says which there are."""
    return lookup(IMPORTANCES, name, "part importance")
