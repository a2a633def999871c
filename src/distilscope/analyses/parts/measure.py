"""The numbers of parts: rows of `measures.parquet`, and a table by part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from distilscope.analyses.alignment.measure import pool
from distilscope.analyses.parts.part_rows import (
    add_part_rows,
    add_reference_rows,
    findings,
    parts_table,
    read_part_pairs,
)
from distilscope.measuring.entries import Compared, Entry, first_with_reference
from distilscope.measuring.rows import Rows
from distilscope.measuring.study import Study


def measure(study: Study, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """`parts`: the importance of each part by comparison, method and variant.

    Settings: the `method` and `variant` that stand for measures over parts.
    """
    headline = {name: settings[name] for name in ("method", "variant")}
    compared = [each for each in study.compared if each.has("parts.parquet")]
    pairs = {
        (each.model.id, each.reference): read_part_pairs(each, study, settings["top"], headline)
        for each in compared
    }

    def of_comparison(rows: Rows, each: Compared) -> None:
        twins = [pairs[twin.model.id, twin.reference] for twin in study.twins(each)]
        add_part_rows(study, rows, each, pairs[each.model.id, each.reference], twins)

    def of_reference(rows: Rows, entry: Entry) -> None:
        first = first_with_reference(compared, entry.id)
        if first is not None:
            add_reference_rows(study, rows, entry, pairs[first.model.id, entry.id])

    study.rows.add_each(of_comparison, compared)
    study.rows.add_each(of_reference, study.entries)
    pool(study, pairs)
    table = parts_table(study, compared)
    table.attrs = {"findings": findings(study.job.input("parts"))}
    return {"parts": table}
