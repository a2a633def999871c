"""The claims table: the verdicts of `inference.claims` on the numbers of `measures.parquet`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from distilscope import store
from distilscope.configuration import claims
from distilscope.statistics.values import Values
from distilscope.statistics.verdicts import Judgement, judge

HEADLINE = {"method": "gradcam", "resolution": "input", "explained": "reference"}
COLUMNS = (
    *("claim", "sentence", "source", "family", "statement", "scope", "direction", "delta"),
    *("alpha", "published", "trust", "note", "ours", "low", "high", "n_seeds", "p_t"),
    *("p_sign_flip", "p_smallest", "q", "effect_size", "seeds_to_decide", "verdict", "why"),
)
PUBLISHED_COLUMNS = (
    *("id", "measure", "of", "student", "T", "alpha", "value", "trust", "source", "error"),
)
TEXTS = (
    *("claim", "sentence", "source", "family", "statement", "scope", "direction", "trust"),
    *("note", "verdict", "why"),
)
INTEGERS = ("n_seeds", "seeds_to_decide")


def claims_table(
    measures: pd.DataFrame,
    classes: int,
    settings: Mapping[str, Any] | None,
    parts: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """A row a claim with the columns of `COLUMNS`; none where the study has no claims.

    Args:
        measures: the table of that name.
        classes: number of classes of the study.
        settings: `file`, the claims file as `claims.Claims` has it; `scope`, what a verdict holds
            for; `published_data`, whether that is the data the claims were published on.
        parts: the `method` and `variant` that stand for measures over parts; None without parts.
    """
    records: list[dict[str, Any]] = []
    if settings is not None:
        file = claims.parse(settings["file"])
        rows = headline_rows(measures, parts).astype({"class": "float64"})  # NaN where none, not NA
        values = Values.of(rows.to_dict("records"), classes)
        found = judge(file, values, published_data=settings["published_data"])
        records = [_record(judgement, settings["scope"]) for judgement in found]
    table = pd.DataFrame.from_records(records, columns=list(COLUMNS))
    for column in COLUMNS:
        if column in TEXTS:
            table[column] = table[column].astype(object)
        else:
            table[column] = table[column].astype("Int64" if column in INTEGERS else "float64")
    return table


def published_table(settings: Mapping[str, Any] | None) -> pd.DataFrame:
    """A row for each number that the study of the claims file printed; none without claims."""
    file = claims.parse(settings["file"]) if settings is not None else None
    records = [each.model_dump() for each in file.headlines] if file else []
    table = pd.DataFrame.from_records(records, columns=list(PUBLISHED_COLUMNS))
    numbers = ("T", "alpha", "value")
    kinds = {name: "float64" if name in numbers else "object" for name in PUBLISHED_COLUMNS}
    return table.astype(kinds)


def headline_rows(measures: pd.DataFrame, parts: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The rows that stand for a measure: of the test probe, and of maps the headline comparison.

    That is GradCAM of the last blocks (the first pair of layers of each model) at input
    resolution, for the reference's prediction; of measures over parts it is the `method` and
    `variant` of `parts`. Rows of CKA, of which no layer pair is the headline, are left out.
    """
    tested = measures[measures["probe"] == "test"]
    over_parts = tested["variant"].notna()
    whole, parted = tested[~over_parts], tested[over_parts]
    rows = whole[whole["method"].notna() | whole["layer"].isna()]
    for column, wanted in HEADLINE.items():
        rows = rows[rows[column].isna() | (rows[column] == wanted)]
    first = rows.dropna(subset=["layer"]).drop_duplicates("model").set_index("model")["layer"]
    rows = rows[rows["layer"].isna() | (rows["layer"] == rows["model"].map(first))]
    if parts is None or parted.empty:
        return rows
    chosen = (parted["method"] == parts["method"]) & (parted["variant"] == parts["variant"])
    return pd.concat([rows, parted[chosen]])


def _record(judgement: Judgement, scope: str) -> dict[str, Any]:
    claim = judgement.claim
    return {
        "claim": claim.id,
        "sentence": claim.sentence,
        "source": claim.source,
        "family": claim.family,
        "statement": store.canonical_json(claim.statement.model_dump(exclude_none=True)),
        "scope": scope,
        "direction": claim.direction,
        "delta": claim.delta,
        "alpha": claim.alpha,
        "published": claim.published,
        "trust": claim.trust,
        "note": claim.note,
        "ours": judgement.ours,
        "low": judgement.low,
        "high": judgement.high,
        "n_seeds": judgement.seeds,
        "p_t": judgement.p,
        "p_sign_flip": judgement.p_exact,
        "p_smallest": judgement.p_smallest,
        "q": judgement.q,
        "effect_size": judgement.effect,
        "seeds_to_decide": judgement.seeds_to_decide,
        "verdict": judgement.verdict,
        "why": judgement.why,
    }
