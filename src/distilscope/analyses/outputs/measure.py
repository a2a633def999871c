"""The numbers of outputs: rows of `measures.parquet`, and tables of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from distilscope import store
from distilscope.analyses.outputs import calibration, fidelity
from distilscope.analyses.outputs.calibration import Confidences
from distilscope.analyses.outputs.output_rows import add_fidelity_rows, add_output_rows
from distilscope.measuring.models import compression
from distilscope.measuring.study import Study

RELIABILITY = ("model", "bin", "low", "high", "n", "confidence", "accuracy")
HISTORY = ("model", "epoch", "lr", "loss", "train_accuracy", "held_out_accuracy", "held_out_nll")


def measure(study: Study, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """`reliability`: bins of confidence by model; `histories`: the epochs of trained models.

    Settings: `ece_bins`.
    """
    bins = settings["ece_bins"]
    study.rows.add_each(
        lambda rows, entry: add_output_rows(study, rows, entry, bins), study.entries
    )
    study.rows.add_each(lambda rows, each: add_fidelity_rows(study, rows, each), study.compared)
    _add_costs(study)
    _pool(study)
    return {"reliability": _reliability(study, bins), "histories": _histories(study)}


def _add_costs(study: Study) -> None:
    for entry in study.entries:
        own = study.costs[entry.id]
        costs = {
            "parameters": own["parameters"],
            "ratio": compression(study, entry.id),
            "multiply_adds": own["multiply_adds"],
        }
        for name, value in costs.items():
            reason = "not recorded in run.json" if math.isnan(value) else None
            study.rows.add(entry, name, value, probe=None, reason=reason)


def _pool(study: Study) -> None:
    """Accuracy and agreement of each model over seeds."""
    for entry in study.entries:
        own = study.outputs[entry.id]
        if own.labelled:
            study.pool("accuracy", "all", entry.id, None, own.correct.astype(np.float64))
    for each in study.compared:
        pair = study.outputs[each.model.id].logits, study.outputs[each.reference].logits
        agreed = fidelity.agreement(*pair)
        study.pool("agreement", "all", each.model.id, each.reference, agreed)


def _reliability(study: Study, bins: int) -> pd.DataFrame:
    """The bins of every model's reliability diagram."""
    parts = []
    for entry in study.entries:
        own = study.outputs[entry.id]
        if not own.labelled:
            continue
        found = calibration.reliability(Confidences.of(own.logits, own.label), bins)
        columns = {"model": entry.id, "bin": np.arange(bins), **found.__dict__}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(RELIABILITY))


def _histories(study: Study) -> pd.DataFrame:
    """The training histories of the models that have one."""
    parts = []
    for entry in study.entries:
        path = entry.folder / "history.parquet"
        if path.exists():
            history = store.read_table(path)
            history.insert(0, "model", entry.id)
            parts.append(history)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(HISTORY))
