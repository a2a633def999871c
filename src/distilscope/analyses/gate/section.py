"""The gate as the page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distilscope.analyses.gate import judging
from distilscope.reporting.formatting import with_interval
from distilscope.reporting.grid import Grid
from distilscope.reporting.tables import Tables


def context(tables: Tables) -> Mapping[str, Any] | None:
    """`grid`: a row a verdict."""
    found = judging.verdicts(tables)
    rows = [
        (
            str(each.requirement),
            each.condition.label,
            with_interval(each.found),
            each.verdict,
            each.why,
        )
        for each in found
    ]
    columns = ("Required", "Model", "Found", "Verdict", "Why")
    words = ("Required", "Model", "Verdict", "Why")
    return {"grid": Grid("Requirements", columns, rows, words=words)} if found else None
