"""Whether students that say what their teacher says also look where it looks: the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from distilscope.analyses.alignment.covariation import covariation
from distilscope.measuring.study import Study

OUTPUTS = "logit_rho"
EXPLANATIONS = ("image_specific_rho", "rho", "part_rho")
ROLES = ("student", "control")
WITHIN = ("student", None)  # permuted within a student, or over all conditions
COLUMNS = (
    *("study", "outputs", "explanations", "method", "variant", "within", "n", "rho", "p"),
    *("smallest_p", "permutations", "exact", "reason"),
)


def covariation_table(study: Study, measures: pd.DataFrame) -> pd.DataFrame:
    """A row for each explanation measure, method, variant, and way of permuting.

    A condition (distilled students, and label-only controls) counts with the mean over its seeds of
    its likeness to the teacher that it is compared with. Outputs are compared on all images, maps
    on the common ones, of the headline place: the last block at input resolution, or the input, for
    the reference's prediction.
    """
    records = [
        {"study": study.name, **record}
        for explanations in EXPLANATIONS
        for record in _records(study, measures, explanations)
    ]
    table = pd.DataFrame.from_records(records, columns=list(COLUMNS))
    kinds = {**dict.fromkeys(("rho", "p", "smallest_p"), "float64"), "exact": bool}
    return table.astype({**kinds, **dict.fromkeys(("n", "permutations"), "int64")})


def _records(study: Study, measures: pd.DataFrame, explanations: str) -> Iterator[dict[str, Any]]:
    roles = {entry.id: entry.role for entry in study.entries}
    own = measures["model"].map(roles).isin(ROLES) & (measures["relation"] == "teacher")
    kept = own & measures["class"].isna()
    outputs = _by_condition(measures[kept & (measures["measure"] == OUTPUTS)], "all")
    rows = measures[kept & (measures["measure"] == explanations)]
    rows = rows[(rows["resolution"] == "input") & (rows["explained"] == "reference")]
    last = {entry.id: entry.last_block for entry in study.entries}
    at_last = rows["layer"] == rows["model"].map(last)
    rows = rows[(rows["layer"] == "input") | at_last]
    for (method, variant), chosen in rows.groupby(["method", "variant"], dropna=False, sort=False):
        maps = _by_condition(chosen, "common")
        both = pd.concat([outputs, maps], axis=1, keys=["x", "y"], join="inner")
        networks = np.array([study.conditions[name].network for name, _ in both.index])
        for within in WITHIN:
            blocks = networks if within else None
            found = covariation(both["x"].to_numpy(), both["y"].to_numpy(), blocks, study.seed)
            yield {
                **{"outputs": OUTPUTS, "explanations": explanations, "method": method},
                **{"variant": None if pd.isna(variant) else variant, "within": within},
                **asdict(found),
            }


def _by_condition(rows: pd.DataFrame, subset: str) -> pd.Series:
    """Mean over its seeds of each condition, beside each reference."""
    chosen = rows[rows["subset"] == subset]
    return chosen["value"].groupby([chosen["condition"], chosen["reference"]]).mean()
