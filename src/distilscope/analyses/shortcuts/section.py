"""Shortcuts as the page shows them: what was flagged, and how far that is to be believed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from distilscope.reporting.cells import Estimate
from distilscope.reporting.tables import Tables, clean

ARMS: Mapping[str, str] = {
    "student": "planted for the student only, clean teacher",
    "both": "planted for teacher and student",
    "none": "nothing planted",
}
DETECTORS: Mapping[str, str] = {"alignment": "alignment", "causal": "masking"}
MOST_ROWS = 200


@dataclass(frozen=True)
class Shortcuts:
    """The section.

    Attributes:
        judged: (model, detector) pairs that were judged; 0 where nothing could be.
        flagged: a row for each flagged class. found: their number, which may be more.
        rates: hit and false-alarm rates on plantings; none where nothing was planted.
        took: a row for each arm: how many plantings the models rely on.
    """

    judged: int
    flagged: list[dict[str, Any]]
    found: int
    rates: list[dict[str, Any]]
    took: list[dict[str, Any]]


def shortcuts(tables: Tables) -> Shortcuts:
    """What the tables say of shortcuts."""
    rows = tables.shortcuts
    flagged = rows[rows["flagged"].fillna(False).astype(bool)]
    return Shortcuts(
        judged=len(rows.drop_duplicates(["identity", "teacher_identity", "detector"])),
        flagged=[_flag(row, tables) for row in flagged.head(MOST_ROWS).to_dict("records")],
        found=len(flagged),
        rates=[_rate(row) for row in tables.shortcut_rates.to_dict("records")],
        took=_took(rows),
    )


def _flag(row: Mapping[str, Any], tables: Tables) -> dict[str, Any]:
    planted = row["planted_class"]
    return {
        "model": clean(row["model"]),
        "arm": ARMS.get(row["arm"], "this study's own"),
        "planted": "–" if pd.isna(planted) else clean(tables.class_name(int(planted))),
        "detector": DETECTORS[row["detector"]],
        "class": clean(tables.class_name(int(row["class"]))),
        **{key: _number(row[key]) for key in ("n", "value", "relative", "effect", "q")},
    }


def _rate(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "arm": ARMS[row["arm"]],
        "detector": DETECTORS[row["detector"]],
        "rate": row["rate"],
        "of": row["of"],
        "hits": int(row["hits"]),
        "n": int(row["n"]),
        "value": Estimate(row["value"], row["low"], row["high"], "models", ()),
    }


def _took(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """A planting that a model does not rely on can't be found: it is counted apart."""
    planted = rows.dropna(subset=["took"]).drop_duplicates(["identity", "teacher_identity"])
    return [
        {
            "arm": ARMS[arm],
            "took": int(own["took"].astype(bool).sum()),
            "n": len(own),
            "on": float(own["accuracy_on"].mean()),
            "off": float(own["accuracy_off"].mean()),
        }
        for arm, own in planted.groupby("arm", sort=False)
    ]


def _number(value: Any) -> float:
    return math.nan if pd.isna(value) else float(value)
