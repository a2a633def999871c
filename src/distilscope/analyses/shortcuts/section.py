"""Shortcuts as the page shows them: what was flagged, and how far that is to be believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from distilscope.reporting.conditions import Estimate
from distilscope.reporting.formatting import number, with_interval
from distilscope.reporting.grid import Grid
from distilscope.reporting.tables import Tables

ARMS: Mapping[str, str] = {
    "student": "planted for the student only, clean teacher",
    "both": "planted for teacher and student",
    "none": "nothing planted",
}
DETECTORS: Mapping[str, str] = {"alignment": "alignment", "causal": "masking"}
MAX_ROWS = 200
EFFECT = (
    " Effect is in spreads of the twins and of the model's other classes (alignment), or in mean "
    "drops of the logit (masking)."
)


def context(tables: Tables) -> Mapping[str, Any]:
    """The section.

    `judged` (model, detector) pairs, the `flagged` classes, `rates` of hits and false alarms on
    plantings, and how many plantings models rely on (`relied`), a line an arm: the others can't be
    found.
    """
    rows = tables["shortcuts"]
    return {
        "judged": len(rows.drop_duplicates(["identity", "teacher_identity", "detector"])),
        "flagged": _flagged(rows, tables),
        "rates": _rates(tables["shortcut_rates"]),
        "relied": _relied(rows),
    }


def _flagged(rows: pd.DataFrame, tables: Tables) -> Grid:
    found = rows[rows["flagged"].fillna(False).astype(bool)]
    shown = found.head(MAX_ROWS)
    more = f": the first {MAX_ROWS} of {len(found)}" if len(found) > MAX_ROWS else ""
    return Grid(
        "Flagged classes",
        (
            *("Model", "Arm", "Planted", "Flagged", "By", "Images", "Value"),
            *("Against other classes", "Effect", "q"),
        ),
        [_flag(row, tables) for row in shown.to_dict("records")],
        caption=f"Flagged classes{more}.{EFFECT}",
        words=("Arm", "Planted", "Flagged", "By"),
    )


def _flag(row: Mapping[str, Any], tables: Tables) -> tuple[str, ...]:
    planted = row["planted_class"]
    return (
        row["model"],
        ARMS.get(row["arm"], "this study's own"),
        None if pd.isna(planted) else tables.class_name(int(planted)),
        tables.class_name(int(row["class"])),
        DETECTORS[row["detector"]],
        number(row["n"], "{:.0f}"),
        *(number(row[name]) for name in ("value", "relative")),
        number(row["effect"], "{:.1f}"),
        number(row["q"]),
    )


def _rates(rows: pd.DataFrame) -> Grid:
    return Grid(
        "Hit and false-alarm rates",
        ("Arm", "Detector", "Rate", "Of", "Flagged", "n", "Rate [interval]"),
        [
            (
                *(ARMS[row["arm"]], DETECTORS[row["detector"]], row["rate"], row["of"]),
                *(int(row["hits"]), int(row["n"])),
                with_interval(
                    Estimate(row["value"], row["low"], row["high"], "models", ()), "{:.2f}"
                ),
            )
            for row in rows.to_dict("records")
        ],
        caption="Hit and false-alarm rates with Wilson's intervals",
        words=("Arm", "Detector", "Rate", "Of"),
    )


def _relied(rows: pd.DataFrame) -> list[str]:
    planted = rows.dropna(subset=["relies"]).drop_duplicates(["identity", "teacher_identity"])
    return [
        f"Arm “{ARMS[arm]}”: {int(own['relies'].astype(bool).sum())} of {len(own)} plantings are "
        "relied on. "
        f"Mean accuracy on the planted class is {own['accuracy_on'].mean():.2f} with the patch "
        f"and {own['accuracy_off'].mean():.2f} without it."
        for arm, own in planted.groupby("arm", sort=False)
    ]
