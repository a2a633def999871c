"""The tables of who there is: a row a model, a row a condition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from distilscope import store
from distilscope.measuring.observations import Outputs
from distilscope.measuring.study import Study

CONDITION = (
    *("label", "role", "network", "source", "objective", "parameters", "teachers", "combine"),
    "views",
)


def model_table(study: Study) -> pd.DataFrame:
    """A row a model: who it is, what it costs, how it performs. NaN where nothing was recorded."""
    records = []
    for entry in study.entries:
        own = study.costs[entry.id]
        held = study.held_out.get(entry.id)
        records.append(
            {
                "id": entry.id,
                **{key: getattr(entry, key) for key in ("condition", "role", "network", "source")},
                "architecture": entry.architecture,
                "seed": entry.seed,
                "teachers": store.canonical_json(list(entry.teachers)),
                "reference": entry.reference,
                "explained": store.canonical_json(list(entry.explained)),
                "parameters": own["parameters"],
                "trained_parameters": own["trained_parameters"],
                "ratio": compression(study, entry.id),
                "multiply_adds": own["multiply_adds"],
                "latency_ms": own["latency_ms"],
                "accuracy": _accuracy(study.outputs[entry.id]),
                "held_out_accuracy": _accuracy(held),
                "identity": entry.identity,
                "seconds": own["seconds"],
                "peak_memory_mb": own["peak_memory_mb"],
            }
        )
    return pd.DataFrame.from_records(records).astype({"seed": "Int64"})


def _accuracy(outputs: Outputs | None) -> float:
    """The share that is right; NaN where nothing was observed or has a label."""
    return float(np.mean(outputs.correct)) if outputs and outputs.labelled else np.nan


def compression(study: Study, model: str) -> float:
    """Parameters of a model's teacher, or of what it is compared with, over its own."""
    entry = study.entry(model)
    teacher = next(iter(entry.teachers), None) or entry.reference or entry.id
    known = study.costs.get(teacher, {}).get("parameters", np.nan)
    return known / (study.costs[model]["parameters"] or np.nan)


def condition_table(conditions: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """A row a condition: its name and label, its fields, and the columns that are derived."""
    records = [
        {"condition": name, **{key: row[key] for key in CONDITION}, **row["derived"]}
        for name, row in conditions.items()
    ]
    return pd.DataFrame.from_records(records)
