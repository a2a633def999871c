"""A number over the seeds of a condition, with the intervals it may have."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from distilscope.measuring.entries import Entry
from distilscope.measuring.study import Study
from distilscope.statistics import bootstrap, paired

COLUMNS = (
    *("study", "condition", "reference", "relation", "subset", "measure", "seeds", "value"),
    *("low", "high", "two_level_low", "two_level_high", "descriptive", "reason"),
)
DESCRIPTIVE_BELOW = 10
ONE_SEED = "one seed: no interval over seeds"
FAMILY = ("teacher", "twin", "committee")
PAIRS_OF_SEEDS = "peer"
"""A relation within a condition: its pairs share models, and are no independent seeds."""

Place = tuple[str | None, str | None]
"""Condition of a reference, and what it is to a model; both None for a number of a model alone."""


def seeds_table(study: Study) -> pd.DataFrame:
    """A row for each condition of students, measure and what it is beside; columns `COLUMNS`.

    Seeds are pooled by their condition, by the reference's condition and by the relation, so that
    different teachers never meet in a row. `reference` is the model, or the condition where seeds
    have different models of it; it is None where a measure has none. A model with several
    references in a row counts once, with the mean over them.

    `value` is the mean over seeds of the mean over images; `low`, `high` its t interval over seeds;
    `two_level_low`, `two_level_high` the percentile interval of resampling seeds and images
    together, which is `descriptive` below ten seeds: so few can't be resampled honestly.
    """
    members: dict[str, list[Entry]] = {}
    for entry in study.entries:
        if entry.role not in FAMILY:
            members.setdefault(entry.condition, []).append(entry)
    records = [
        {
            "study": study.name,
            "condition": condition,
            "subset": subset,
            "measure": measure,
            **pooled,
        }
        for condition, models in members.items()
        for (measure, subset), values in study.by_image.items()
        for pooled in _pooled(study, models, values)
    ]
    table = pd.DataFrame.from_records(records, columns=list(COLUMNS))
    numeric = ("value", "low", "high", "two_level_low", "two_level_high")
    return table.astype({**dict.fromkeys(numeric, "float64"), "descriptive": bool})


def _pooled(
    study: Study, models: Sequence[Entry], values: Mapping[tuple[str, str | None], np.ndarray]
) -> Iterator[dict[str, Any]]:
    """Of one measure of the models of one condition: a row for each place."""
    for (_, relation), found in _beside(study, models, values).items():
        references = list(dict.fromkeys(r for own in found.values() for r in own))
        pooled = [np.mean([values[m, r] for r in own], axis=0) for m, own in found.items()]
        place = {"reference": _name(study, references), "relation": relation}
        yield {**place, **_numbers(np.array(pooled), study)}


def _beside(
    study: Study, models: Sequence[Entry], values: Collection[tuple[str, str | None]]
) -> dict[Place, dict[str, list[str | None]]]:
    """What the models have values beside: model -> references, by place."""
    found: dict[Place, dict[str, list[str | None]]] = {}
    for model in models:
        if (model.id, None) in values:
            found.setdefault((None, None), {})[model.id] = [None]
        for each in model.compared:
            if (model.id, each.reference) in values and each.relation != PAIRS_OF_SEEDS:
                place = study.entry(each.reference).condition, each.relation
                found.setdefault(place, {}).setdefault(model.id, []).append(each.reference)
    return found


def _name(study: Study, references: Sequence[str | None]) -> str | None:
    return references[0] if len(references) == 1 else study.entry(references[0]).condition


def _numbers(values: np.ndarray, study: Study) -> dict[str, Any]:
    """Of (S, N) values, a row a seed."""
    by_seed = bootstrap.means(values.T, study.resamples, study.level).value
    kept = ~np.isnan(by_seed)
    seeds, mean = int(kept.sum()), float(np.mean(by_seed[kept])) if kept.any() else np.nan
    numbers = {
        "seeds": seeds,
        "value": mean,
        **dict.fromkeys(("low", "high", "two_level_low", "two_level_high"), np.nan),
        "descriptive": seeds < DESCRIPTIVE_BELOW,
        "reason": None,
    }
    if seeds < 2:
        return numbers | {"reason": ONE_SEED if seeds else "no seed has a value"}
    half = paired.half_width(by_seed[kept], study.level)
    low, high = bootstrap.two_level(values[kept], study.resamples, study.level, study.seed)
    both = {"low": mean - half, "high": mean + half}
    return numbers | both | {"two_level_low": low, "two_level_high": high}
