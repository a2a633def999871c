"""The claims table: the verdicts of `statistics.verdicts` on the numbers of `measures.parquet`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from distilscope import store
from distilscope.configuration import claims
from distilscope.planning.conditions import Condition
from distilscope.statistics.values import Values
from distilscope.statistics.verdicts import Judgement, judge

COLUMNS = (
    *("claim", "sentence", "source", "family", "statement", "scope", "direction", "delta"),
    *("error_rate", "published", "trust", "note", "ours", "low", "high", "n_seeds", "p_t"),
    *("p_sign_flip", "p_smallest", "q", "effect_size", "seeds_to_decide", "verdict", "why"),
)
PUBLISHED_COLUMNS = ("id", "measure", "of", "condition", "value", "trust", "source", "error")
TEXTS = (
    *("claim", "sentence", "source", "family", "statement", "scope", "direction", "trust"),
    *("note", "verdict", "why"),
)
INTEGERS = ("n_seeds", "seeds_to_decide")


def claims_table(
    measures: pd.DataFrame,
    models: pd.DataFrame,
    conditions: Mapping[str, Condition],
    classes: int,
    settings: Mapping[str, Any] | None,
    level: float = 0.95,
) -> pd.DataFrame:
    """A row a claim with the columns of `COLUMNS`; none where the study has no claims.

    Args:
        measures: the table, of which the headline rows count. models: the table.
        conditions: by name.
        classes: number of classes of the study.
        settings: `file`, the claims file as `claims.Claims` has it; `scope`, what a verdict holds
            for; `published_data`, whether that is the data the claims were published on.
        level: of the intervals over images.
    """
    records: list[dict[str, Any]] = []
    if settings is not None:
        file = claims.parse(settings["file"])
        values = values_of(measures, models, conditions, classes, level)
        found = judge(file, values, published_data=settings["published_data"])
        records = [_record(judgement, settings["scope"]) for judgement in found]
    table = pd.DataFrame.from_records(records, columns=list(COLUMNS))
    kinds = {**dict.fromkeys(TEXTS, "object"), **dict.fromkeys(INTEGERS, "Int64")}
    return table.astype({column: kinds.get(column, "float64") for column in COLUMNS})


def values_of(
    measures: pd.DataFrame,
    models: pd.DataFrame,
    conditions: Mapping[str, Condition],
    classes: int,
    level: float = 0.95,
) -> Values:
    """The numbers that stand for their measures, from the tables of a study."""
    rows = measures[measures["headline"]].astype({"class": "float64"})  # NaN where none, not NA
    seeds = models["seed"].astype(int)
    known = dict(zip(models["id"], zip(models["condition"], seeds, strict=True), strict=True))
    return Values.of(rows.to_dict("records"), known, conditions, classes, level)


def published_table(settings: Mapping[str, Any] | None) -> pd.DataFrame:
    """A row for each number that the study of the claims file printed; none without claims.

    `condition` is a pattern as JSON, or nothing.
    """
    file = claims.parse(settings["file"]) if settings is not None else None
    records = [each.model_dump() for each in file.headlines] if file else []
    for record in records:
        pattern = record["condition"]
        record["condition"] = None if pattern is None else store.canonical_json(pattern)
    table = pd.DataFrame.from_records(records, columns=list(PUBLISHED_COLUMNS))
    kinds = {name: "float64" if name == "value" else "object" for name in PUBLISHED_COLUMNS}
    return table.astype(kinds)


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
        "error_rate": claim.error_rate,
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
