"""The analyses there are, and where modules of a study's `extensions` add what they bring.

A module of another package calls `add` with an analysis, `add_objective`, `add_method` or
`add_network` when it is imported.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Mapping
from functools import cache

from distilscope import catalog
from distilscope.analyses.declaration import Analysis, Measure

OWN = (
    "gate",
    "alignment",
    "reasoning",
    "parts",
    "randomisation",
    "sweeps",
    "representation",
    "outputs",
    "masking",
    "compression",
    "shortcuts",
    "dark_knowledge",
    "attention",
)
"""In the order of the report."""

EXTENSIONS = "DISTILSCOPE_EXTENSIONS"
"""The modules of a study's `extensions`, for its jobs: names with a colon between."""

_added: dict[str, Analysis] = {}


def analyses() -> Mapping[str, Analysis]:
    """All analyses by name, in the order of the report."""
    return {**_own(), **_added}


@cache
def _own() -> dict[str, Analysis]:
    found = (importlib.import_module(f"distilscope.analyses.{name}").ANALYSIS for name in OWN)
    return {analysis.name: analysis for analysis in found}


def analysis(name: str) -> Analysis:
    """The analysis of that name; an `UnknownName` error says which there are."""
    return catalog.lookup(analyses(), name, "analysis")


def measures() -> dict[str, Measure]:
    """All measures of all analyses, by name."""
    return {name: m for found in analyses().values() for name, m in found.measures.items()}


def measure(name: str) -> Measure | None:
    """The measure of that name, at whichever share; None where no analysis declares it."""
    declared = (found.declared(name) for found in analyses().values())
    return next(filter(None, declared), None)


def require_measure(name: str, what: str = "measure") -> None:
    """Raise `catalog.UnknownName`, which says what comes near, if no analysis declares it."""
    if measure(name) is None:
        catalog.lookup(measures(), name, what)


def add(analysis: Analysis) -> None:
    """Make an analysis of another package known; its module calls this when it is imported.

    Raises:
        ValueError: another analysis has its name, or that of one of its measures, tables, figures
            or forms of claims.
    """
    known = {**_own(), **_added}
    if known.get(analysis.name) not in (None, analysis):
        raise ValueError(f"there is an analysis {analysis.name!r} already; choose another name")
    for other in known.values():
        if other.name != analysis.name:
            _require_apart(analysis, other)
    _added[analysis.name] = analysis


def _require_apart(analysis: Analysis, other: Analysis) -> None:
    for kind in ("measures", "tables", "figures", "forms"):
        shared = [name for name in getattr(analysis, kind) if name in getattr(other, kind)]
        if shared:
            raise ValueError(
                f"the analysis {analysis.name!r} declares {shared[0]!r} in `{kind}`, which "
                f"{other.name!r} has already; choose another name"
            )


add_objective = catalog.register
add_method = catalog.register_method
add_network = catalog.register_network


def load(modules: Iterable[str]) -> None:
    """Import modules that add what they bring: analyses, objectives, methods, networks."""
    for module in modules:
        importlib.import_module(module)


def load_of_study() -> None:
    """In a job: import the `extensions` of its study."""
    load(filter(None, os.environ.get(EXTENSIONS, "").split(":")))
