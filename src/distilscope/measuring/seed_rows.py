"""The cells of a study, that is its recipes: a number over seeds with the intervals it may have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from distilscope.analyses.alignment.alignment_rows import Pair
from distilscope.analyses.outputs import fidelity
from distilscope.measuring.claim_rows import HEADLINE
from distilscope.measuring.observations import Outputs
from distilscope.measuring.study_rows import Entry, Study
from distilscope.statistics import bootstrap, paired

CELL = ("role", "student", "objective", "objective_params", "T", "alpha")
COLUMNS = (
    *("study", *CELL, "subset", "measure", "seeds", "value", "low", "high"),
    *("two_level_low", "two_level_high", "descriptive", "reason"),
)
TRAINED = ("student", "twin-taught", "control", "floor")
DESCRIPTIVE_BELOW = 10
ONE_SEED = "one seed: no interval over seeds"


def seeds_table(
    study: Study,
    outputs: Mapping[str, Outputs],
    pairs: Mapping[str, Sequence[Pair]],
    parted: Mapping[str, Pair],
) -> pd.DataFrame:
    """A row for each cell of students and each measure, with the columns of `COLUMNS`.

    `value` is the mean over seeds of the mean over images; `low`, `high` its t interval over
    seeds; `two_level_low`, `two_level_high` the percentile interval of resampling seeds and
    images together, which is `descriptive` below ten seeds: so few can't be resampled honestly.

    Args:
        outputs: of each model. pairs: of each compared model, with its own reference.
        parted: the headline pair over parts of the same models; empty without parts.
    """
    members: dict[tuple, list[Entry]] = {}
    for entry in study.entries:
        if entry.role in TRAINED:
            members.setdefault(tuple(getattr(entry, key) for key in CELL), []).append(entry)
    records = []
    for cell, entries in members.items():
        found = [_columns(study, entry, outputs, pairs, parted) for entry in entries]
        for measure, subset in found[0]:
            values = np.array([own[measure, subset] for own in found if (measure, subset) in own])
            numbers = _numbers(values, study)
            place = {"subset": subset, "measure": measure}
            records.append(
                {"study": study.name, **dict(zip(CELL, cell, strict=True)), **place, **numbers}
            )
    table = pd.DataFrame.from_records(records, columns=list(COLUMNS))
    numeric = ("T", "alpha", "value", "low", "high", "two_level_low", "two_level_high")
    return table.astype({**dict.fromkeys(numeric, "float64"), "descriptive": bool})


def _columns(
    study: Study,
    entry: Entry,
    outputs: Mapping[str, Outputs],
    pairs: Mapping[str, Sequence[Pair]],
    parted: Mapping[str, Pair],
) -> dict[tuple[str, str], np.ndarray]:
    """(measure, subset) -> (N,) the model's values on the probe's images, NaN outside."""
    own = outputs[entry.id]
    found = {("accuracy", "all"): own.correct.astype(np.float64)}
    if entry.reference:
        agrees = fidelity.agreement(own.logits, outputs[entry.reference].logits)
        found["agreement", "all"] = agrees
    headlines = [pair for pair in pairs.get(entry.id, ()) if _is_headline(pair)][:1]
    headlines += [parted[entry.id]] if entry.id in parted else []
    for headline in headlines:
        for measure in headline.related:
            values = np.full(len(study.index), np.nan)
            kept = np.where(headline.subsets["common"], headline.values[measure], np.nan)
            values[headline.position] = kept
            found[measure, "common"] = values
    return found


def _is_headline(pair: Pair) -> bool:
    """GradCAM of the first pair of layers at input resolution, for the reference's prediction."""
    return all(pair.key[name] == value for name, value in HEADLINE.items())


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
