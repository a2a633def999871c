"""How fast maps change as weights are randomised (Adebayo et al. 2018): the sanity of a method.

A method whose maps stay the same when the weights behind them are noise explains the image and
not the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distilscope.analyses.alignment import maps
from distilscope.measuring import observations
from distilscope.measuring.observations import ABSENT, LayerMaps, Outputs
from distilscope.measuring.rows import missing_reason
from distilscope.measuring.study import Study
from distilscope.statistics import bootstrap

COLUMNS = (
    *("study", "model", "original", "mode", "depth", "randomised", "accuracy"),
    *("method", "layer", "measure", "value", "low", "high", "n", "n_undefined", "reason"),
)
KINDS = dict.fromkeys(("accuracy", "value", "low", "high"), "float64") | dict.fromkeys(
    ("depth", "n", "n_undefined"), "int64"
)
CONSTANT = "a map is the same everywhere"
SIGNED, ABSOLUTE = "rho", "rho_abs"


def measure(study: Study, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """`randomisation`: a row for each (derived model, mode, method, layer, measure).

    Maps are at their native grid, for the class that the original predicts, over all images that
    both have maps of. `rho` is Spearman's of the maps as they are, `rho_abs` of their absolute
    values.

    Settings: `derived`: of each derived model `id`, `original` (a model of the study),
    `observation`, `randomised` (the deepest random layer) and `steps`, pairs (mode, depth).
    """
    methods, outputs = study.job.settings["methods"], study.outputs
    records = []
    for row in settings["derived"]:
        own = observations.read_outputs(Path(row["observation"]), study.probe)
        observations.require_same_images(outputs[row["original"]], own)
        shared = {
            "study": study.name,
            **{key: row[key] for key in ("original", "randomised")},
            "model": row["id"],
            "accuracy": float(np.mean(own.correct)),
        }
        found = list(_likeness(study, row, outputs[row["original"]], methods))
        for mode, depth in row["steps"]:
            records += [{**shared, "mode": mode, "depth": depth, **each} for each in found]
    table = pd.DataFrame.from_records(records, columns=COLUMNS).astype(KINDS)
    return {"randomisation": table}


def _likeness(
    study: Study, row: Mapping[str, Any], original: Outputs, methods: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """The numbers of one derived model."""
    folders = Path(row["observation"]), original.source.parents[1]
    for method in methods:
        sides = [observations.read_maps(folder, study.probe, method) for folder in folders]
        for layer in sides[1]:
            pair = [
                observations.layer_of(side, layer, method, folder)
                for side, folder in zip(sides, folders, strict=True)
            ]
            position, values = _pairs_of_maps(pair, original)
            columns = {SIGNED: maps.spearman(*values), ABSOLUTE: maps.spearman(*np.abs(values))}
            table = np.column_stack(list(columns.values()))
            resamples = study.resamples.subset(position)
            means = bootstrap.means(table, resamples, study.level)
            for i, measure in enumerate(columns):
                yield {
                    "method": method,
                    "layer": layer,
                    "measure": measure,
                    **{k: float(getattr(means, k)[i]) for k in ("value", "low", "high")},
                    **{k: int(getattr(means, k)[i]) for k in ("n", "n_undefined")},
                    "reason": _reason(int(means.n[i]), int(means.n_undefined[i])),
                }


def _pairs_of_maps(pair: Sequence[LayerMaps], original: Outputs) -> tuple[np.ndarray, np.ndarray]:
    """Positions (n,) of the images that both have a map of, and the maps (2, n, P), float64."""
    rows = [side.rows(original.index, original.prediction) for side in pair]
    position = np.flatnonzero((rows[0] != ABSENT) & (rows[1] != ABSENT))
    values = [
        side.values[chosen[position]].reshape(len(position), -1)
        for side, chosen in zip(pair, rows, strict=True)
    ]
    return position, np.asarray(values, np.float64)


def _reason(n: int, undefined: int) -> str | None:
    if undefined:
        return f"{undefined} undefined: {CONSTANT}"
    return missing_reason(n)
