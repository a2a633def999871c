"""The rows of measures over parts that stand for a method and a way of counting importance."""

from __future__ import annotations

import re

import pandas as pd

from distilscope.analyses.parts.importances import IMPORTANCES
from distilscope.reporting.tables import Tables


def headline(tables: Tables) -> dict:
    """What `plan.Plan.drawn` says: the headline, where the parts are from, how many are `top`."""
    return tables.settings_of("parts")


def rows_of(
    tables: Tables, measure: str, method: str | None = None, variant: str | None = None
) -> pd.DataFrame:
    """The row of each model by a method and importance, or by those of the headline."""
    chosen, rows = headline(tables), tables.of(measure)
    own = rows["method"] == (method or chosen["method"])
    return tables.one_each(rows[own & (rows["variant"] == (variant or chosen["variant"]))])


def methods(tables: Tables) -> list[str]:
    """The methods whose maps were measured over parts, the headline's first."""
    found = dict.fromkeys(tables["parts"]["method"])
    return sorted(found, key=lambda name: (name != headline(tables)["method"], name))


def importance(variant: str) -> str:
    """How a part's importance is counted."""
    known = IMPORTANCES.get(variant)
    return known.words if known else variant.replace("_", " ")


def are_regions(tables: Tables) -> bool:
    """Whether the parts are regions: cut from the image without knowing what is there."""
    return headline(tables).get("regions", False)


def wording(text: str, tables: Tables) -> str:
    """A text about parts, which are called regions where they are."""
    return of_regions(text) if are_regions(tables) else text


def of_regions(text: str) -> str:
    """A text about parts for data whose parts nobody named: they are regions."""
    return re.sub(r"\bPart(?=s?\b)", "Region", re.sub(r"\bpart(?=s?\b)", "region", text))
