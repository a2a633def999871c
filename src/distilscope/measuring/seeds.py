"""A number over the seeds of a condition, with the intervals it may have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from distilscope.measuring.study import Study
from distilscope.statistics import bootstrap, paired

COLUMNS = (
    *("study", "condition", "reference", "subset", "measure", "seeds", "value", "low", "high"),
    *("two_level_low", "two_level_high", "descriptive", "reason"),
)
DESCRIPTIVE_BELOW = 10
ONE_SEED = "one seed: no interval over seeds"
FAMILY = ("teacher", "twin", "committee")


def seeds_table(study: Study) -> pd.DataFrame:
    """A row for each condition of students, reference and measure, with the columns of `COLUMNS`.

    Seeds that are compared with different references are never pooled. `value` is the mean over
    seeds of the mean over images; `low`, `high` its t interval over seeds; `two_level_low`,
    `two_level_high` the percentile interval of resampling seeds and images together, which is
    `descriptive` below ten seeds: so few can't be resampled honestly.
    """
    members: dict[tuple[str, str | None], list[str]] = {}
    for entry in study.entries:
        if entry.role not in FAMILY:
            references = [each.reference for each in entry.compared] or [None]
            for reference in references:
                members.setdefault((entry.condition, reference), []).append(entry.id)
    records = []
    for (condition, reference), models in members.items():
        for (measure, subset), values in study.by_image.items():
            own = [values.get((m, reference), values.get((m, None))) for m in models]
            found = [each for each in own if each is not None]
            if found:
                records.append(
                    {
                        "study": study.name,
                        "condition": condition,
                        "reference": reference,
                        "subset": subset,
                        "measure": measure,
                        **_numbers(np.array(found), study),
                    }
                )
    table = pd.DataFrame.from_records(records, columns=list(COLUMNS))
    numeric = ("value", "low", "high", "two_level_low", "two_level_high")
    return table.astype({**dict.fromkeys(numeric, "float64"), "descriptive": bool})


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
