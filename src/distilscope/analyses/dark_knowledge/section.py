"""Dark knowledge as the page shows it: what goes together over the rungs, and the arms' budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from distilscope.reporting.formatting import number
from distilscope.reporting.grid import Grid
from distilscope.reporting.tables import Tables

NAMES = {"size": "teacher's size", "accuracy": "teacher's accuracy", "distinctness": "σ(q)"}


def context(tables: Tables) -> Mapping[str, Any]:
    """The section: sentences, the `rungs` and the `arms`."""
    return {
        "sentences": [*_of_likeness(tables), *_of_planted(tables), *_of_budget(tables)],
        "rungs": _rungs(tables["rungs"]),
        "arms": _arms(tables["arms"]),
    }


def answer(tables: Tables) -> list[str]:
    """What the ladder shows, in a sentence."""
    rows = tables["rungs"]
    own = rows[(rows["first"] == "size") & (rows["second"] == "distinctness")]
    if not len(own) or pd.isna(own.iloc[0]["rho"]):
        return []
    row = own.iloc[0]
    return [
        f"Over {row['rungs']} teachers the spread of wrong classes goes with the teacher's size "
        f"by ρ = {row['rho']:.2f} (permutation p = {row['p']:.2f})."
    ]


def _of_likeness(tables: Tables) -> list[str]:
    rows = tables["relations"]
    found = []
    for kind, words in (
        ("rungs", "teachers of different size"),
        ("seeds", "two seeds of one teacher"),
        ("floor", "a teacher and an untrained network"),
    ):
        own = rows[(rows["kind"] == kind) & (rows["measure"] == "wrong_kendall")]["value"].dropna()
        if len(own):
            found.append(f"{words} {own.mean():.2f}")
    if not found:
        return []
    return [f"Kendall's τ of the order of wrong classes, on average: {'; '.join(found)}."]


def _of_planted(tables: Tables) -> list[str]:
    rows, null = tables.of("planted_kendall"), tables.of("planted_kendall_null")
    teachers = {c.key for c in tables.of_role("teacher", "twin")}
    own, other = (
        each[each["condition"].isin(teachers)].dropna(subset="value") for each in (rows, null)
    )
    if not len(own):
        return []
    low, high = other["low"].min(), other["high"].max()
    return [
        f"Teachers' wrong classes follow the planted tree by Kendall's τ = "
        f"{own['value'].mean():.2f} on average, and shuffled trees by {other['value'].mean():.2f} "
        f"(of each teacher most of {int(other['n'].max())} lie from {low:.2f} to {high:.2f})."
    ]


def _of_budget(tables: Tables) -> list[str]:
    tuning = tables.settings_of("dark_knowledge").get("tuning")
    if not tuning:
        return ["No arm was tuned on a budget of its own, so that arms are not ranked."]
    return [
        f"Every arm had {tuning['tries']} settings to choose from, by held-out accuracy under seed "
        f"{tuning['seed']}, which is not among the seeds that are reported."
    ]


def _rungs(rows: pd.DataFrame) -> Grid:
    return Grid(
        "Over the rungs of the ladder",
        ("Student", "First", "Second", "Given", "ρ", "p", "Smallest p", "Rungs", "Would decide"),
        [_rung(row) for row in rows.to_dict("records")],
        caption="Spearman's ρ over teachers. Smallest p is what so many rungs could give at best.",
        words=("Student", "First", "Second", "Given"),
    )


def _rung(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        row["student"] or "–",
        NAMES.get(row["first"], row["first"]),
        NAMES.get(row["second"], row["second"]),
        NAMES.get(row["given"], "–"),
        *(number(row[name], "{:.2f}") for name in ("rho", "p", "smallest_p")),
        str(row["rungs"]),
        number(row["rungs_to_decide"], "{:.0f}"),
    )


def _arms(rows: pd.DataFrame) -> Grid:
    return Grid(
        "Arms",
        ("Student", "Teacher", "Arm", "Setting", "Tries", "Held-out", "Accuracy", "Seeds"),
        [
            (
                *(row["student"], row["teacher"], row["arm"], row["label"], str(row["tries"])),
                *(number(100 * row[key], "{:.1f}") for key in ("held_out_accuracy", "accuracy")),
                str(row["seeds"]),
            )
            for row in rows.to_dict("records")
        ],
        caption="Held-out accuracy is that of the seed of tuning, accuracy that of the others.",
        words=("Student", "Teacher", "Arm", "Setting"),
    )
