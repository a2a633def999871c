"""The tables behind the evidence: over seeds, and what is undefined."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from distilscope.reporting.formatting import between, number
from distilscope.reporting.grid import Grid
from distilscope.reporting.reasons import split
from distilscope.reporting.tables import Tables

FEW_MEASURES = 4
NESTED = Markup("<details><summary>{} measures</summary>{}</details>")


def over_seeds(tables: Tables) -> Grid:
    """Every condition with several seeds: its mean with both intervals, under its own label."""
    label = {condition.key: condition.label for condition in tables.conditions}
    rows = tables.seeds[(tables.seeds["seeds"] > 1) & tables.seeds["condition"].isin(list(label))]
    descriptive = ", descriptive" if rows["descriptive"].any() else ""
    return Grid(
        "Conditions over their seeds",
        (
            *("Condition", "Reference", "Relation", "Measure", "Images", "Seeds", "Mean"),
            *("95 % over seeds", f"95 % two-level{descriptive}"),
        ),
        [
            (
                *(label[row["condition"]], row["reference"], row["relation"], row["measure"]),
                *(row["subset"], row["seeds"], number(row["value"])),
                between(row["low"], row["high"]),
                between(row["two_level_low"], row["two_level_high"]),
            )
            for row in rows.to_dict("records")
        ],
    )


def undefined(tables: Tables) -> pd.DataFrame:
    """What is undefined and why: a row for each cause, the one that concerns most numbers first.

    Columns: reason, numbers, missing, models, measures, least, most (images left out).
    """
    rows = tables.measures
    # Spread and quantiles leave out the images that their mean leaves out.
    rows = rows[~rows["measure"].str.contains(r"\.(?:sd|min|q\d+)$")]
    affected = rows[rows["value"].isna() | (rows["n_undefined"].fillna(0) > 0)]
    causes = pd.DataFrame(
        {
            "measure": affected["measure"],
            "reason": affected["reason"].fillna("").replace("", "no reason recorded").map(split),
            "missing": affected["value"].isna(),
            "model": affected["model"],
            "left_out": affected["n_undefined"].fillna(0).astype(int),
        }
    ).explode("reason")
    found = causes.groupby("reason", sort=True).agg(
        numbers=("model", "size"),
        missing=("missing", "sum"),
        models=("model", "nunique"),
        measures=("measure", lambda own: sorted(set(own))),
        least=("left_out", "min"),
        most=("left_out", "max"),
    )
    return found.reset_index().sort_values(["numbers", "reason"], ascending=[False, True])


def undefined_grid(tables: Tables) -> Grid:
    """The same in the page."""
    return Grid(
        "Undefined numbers",
        (
            *("Reason", "Models", "Numbers affected", "of which missing"),
            *("Images left out, each", "Measures"),
        ),
        [
            (
                *(row.reason, row.models, row.numbers, row.missing),
                row.least if row.least == row.most else f"{row.least}–{row.most}",
                _listed(row.measures),
            )
            for row in undefined(tables).itertuples()
        ],
        words=("Reason", "Measures"),
    )


def _listed(measures: list[str]) -> str:
    text = ", ".join(measures)
    return text if len(measures) <= FEW_MEASURES else NESTED.format(len(measures), text)
