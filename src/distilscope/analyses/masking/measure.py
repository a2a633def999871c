"""What covering the area that a teacher looks at costs each model, beside two equal areas."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distilscope import store
from distilscope.measuring import observations
from distilscope.measuring.entries import Compared, Entry, first_with_reference
from distilscope.measuring.observations import Outputs
from distilscope.measuring.study import Study
from distilscope.statistics import bootstrap

AREAS = {"top": "masked-top", "random": "masked-random", "centre": "masked-centre"}
TOP = "top"
BOTH_RIGHT = "both-correct"
UNDEFINED = "the teacher's map has fewer positive pixels than the area"


def measure(study: Study, settings: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Rows of `measures.parquet`; no table of its own.

    They are over the images that both get right, or over all where images have no label.

    Settings: `shown`: of each model its `teacher`, the folder of the covered images (`masked`) and
    that of its `observation` of them.
    """
    for row in settings["shown"]:
        _add(study, row)
    return {}


def _add(study: Study, row: Mapping[str, str]) -> None:
    """The rows of one model."""
    entry, teacher = study.entry(row["model"]), study.outputs[row["teacher"]]
    own = study.outputs[entry.id]
    who: Entry | Compared = first_with_reference(entry.compared, row["teacher"]) or entry
    covered = {
        area: observations.read_outputs(Path(row["observation"]), folder)
        for area, folder in AREAS.items()
    }
    shown = study.positions(covered[TOP].index)
    for each in covered.values():
        observations.require_same_images(covered[TOP], each)
    own, teacher = own.at(shown), teacher.at(shown)
    drops = {area: falls(own, each, teacher.prediction) for area, each in covered.items()}
    labelled = own.labelled
    both = teacher.correct & own.correct if labelled else np.ones(len(own.label), bool)
    usable = both & defined(Path(row["masked"]))
    columns = {(name, area): drops[area][name] for area in AREAS for name in drops[area]}
    columns["masking_excess", None] = excess({a: d["masking_drop"] for a, d in drops.items()})
    chosen = np.flatnonzero(both)
    values = np.column_stack([np.where(usable, v, np.nan) for v in columns.values()])[chosen]
    found = bootstrap.means(values, study.resamples.subset(shown[chosen]), study.level)
    left_out = int(both.sum() - usable.sum())
    reason = f"{left_out} undefined: {UNDEFINED} ({left_out})" if left_out else None
    subset = BOTH_RIGHT if labelled else "all"
    for place, (name, area) in enumerate(columns):
        where = {"subset": subset, "variant": area, "headline": area in (TOP, None)}
        study.rows.add(who, name, **found.column(place), reason=reason, **where)
    reference = row["teacher"] if isinstance(who, Compared) else None
    pooled = np.full(len(study.index), np.nan)
    pooled[shown] = np.where(usable, columns["masking_excess", None], np.nan)
    study.pool("masking_excess", subset, entry.id, reference, pooled)


def defined(masked: Path) -> np.ndarray:
    """(N,) bool: the images of which all areas are defined."""
    names = [f"{folder}.defined" for folder in AREAS.values()]
    found = store.read_tensors(masked / "images.safetensors", names)
    return np.logical_and.reduce(list(found.values()))


def falls(own: Outputs, covered: Outputs, classes: np.ndarray) -> dict[str, np.ndarray]:
    """(N,) each: what a covered area takes from the probability and the logit of a class, and
    whether another class is predicted.
    """
    rows = np.arange(len(classes))
    return {
        "masking_drop": (_probabilities(own) - _probabilities(covered))[rows, classes],
        "masking_logit_drop": (own.logits - covered.logits)[rows, classes].astype(np.float64),
        "masking_changed": (own.prediction != covered.prediction).astype(np.float64),
    }


def excess(drops: Mapping[str, np.ndarray]) -> np.ndarray:
    """(N,) what the teacher's area costs more than the mean of the other two."""
    others = [drop for area, drop in drops.items() if area != TOP]
    return drops[TOP] - np.mean(others, axis=0)


def _probabilities(outputs: Outputs) -> np.ndarray:
    return np.exp(observations.log_probabilities(outputs.logits))
