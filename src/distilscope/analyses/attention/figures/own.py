"""Numbers beside what a student learned from: its committee, or its one teacher."""

from __future__ import annotations

import pandas as pd

from distilscope.analyses.attention.cells import RELATIONS
from distilscope.reporting.tables import Tables


def beside_own(tables: Tables, measure: str) -> pd.DataFrame:
    """A row a model: of the model alone, or beside its committee where it has one."""
    rows = tables.of(measure)
    rows = rows[rows["headline"] & rows["class"].isna()]
    places = {relation: place for place, relation in enumerate(RELATIONS)}
    rows = rows[rows["relation"].isna() | rows["relation"].isin(places)]
    nearest = rows["relation"].map(places).fillna(0).sort_values(kind="stable").index
    return rows.loc[nearest].drop_duplicates("model").reset_index(drop=True)
